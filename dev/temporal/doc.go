// Package temporal runs a complete Temporal server inside this process: all
// four services on loopback ports, one SQLite file for its state, and the web
// UI. It is what `make dev` and the end-to-end tests talk to when
// TEMPORAL_ADDRESS names no other server.
//
// It is the real server, with the same dynamic configuration that
// docker-compose mounts; only the database differs. Nothing outside the dev
// module may import it: the server triples the number of modules in a build.
package temporal
