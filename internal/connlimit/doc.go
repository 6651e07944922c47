// Package connlimit bounds what the peers of an HTTP server may hold: how many
// connections, in total and from one address, and how long a request's body or
// a response may take. It knows HTTP and nothing of ChatConnect.
package connlimit
