//go:build unix

// Package pgserver runs a private PostgreSQL from the binaries of the system,
// for the dev stack and for tests. Production never does: cmd/chatconnect must
// not import it. It imports the standard library and pgx only.
//
// The server listens on a Unix socket in a directory that only its own user
// (and root) can enter, and on no network address; everyone who gets as far as
// the socket is trusted. Started by root it runs as user postgres, or nobody,
// since PostgreSQL refuses to run as root.
//
// Everything lies in Options.DataDir:
//
//	lock      held (flock) by the process that started the server
//	data/     PostgreSQL's own directory
//	run/      the socket, unless the path is too long for one
//	server.log
//
// On Linux the server stops when the process that started it dies, however it
// dies (Pdeathsig). On other systems it is left running after a kill -9, and
// the next Start reports it as an InUseError.
package pgserver
