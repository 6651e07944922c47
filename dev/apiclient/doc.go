// Package apiclient calls ChatConnect's HTTP API from outside: as a person
// with a browser does for the dashboard, and as a visitor of a tenant's site
// does for chats. The demo and the benches share it.
//
// It imports none of the product's packages, so that what works with it works
// for anybody.
package apiclient
