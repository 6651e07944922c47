// Package stack starts what ChatConnect needs around it: PostgreSQL, Redis,
// Qdrant and Temporal, embedded in this process or as its children, unless the
// environment names real ones. `make dev` and the end-to-end tests run on it.
//
// The product never sees a difference: it gets the same environment variables
// and speaks the same protocols. Nothing outside the dev module imports this.
package stack
