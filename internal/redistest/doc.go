// Package redistest runs a test on every Redis we support: miniredis, which
// `make dev` embeds, and a real redis-server if the machine has one. It also
// has a proxy that cuts and pauses connections.
//
// Every test gets servers of its own, so that it may stop them, fill them and
// kill their clients while others run. Only tests import this package.
package redistest
