// Package chatconnect holds the domain of ChatConnect: tenants, documents,
// conversations, and the interfaces the rest of the program is written
// against.
//
// It imports the standard library only. Adapters in internal/ implement the
// interfaces declared here, activities/ and api/ use them, and only
// cmd/chatconnect and the dev module put the two together.
package chatconnect
