//go:build unix

package pgserver

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// port only names the socket; no network address is listened on.
const port = "5432"

// maxSocketPath is the longest path every system takes for a Unix socket (104
// on BSD, 108 on Linux, each with its final zero).
const maxSocketPath = 103

// arguments of the server. All settings are here rather than in
// postgresql.conf, so that they hold for old directories too.
func (s *Server) arguments() []string {
	settings := []string{
		"listen_addresses=",
		"unix_socket_directories=" + s.socket,
		"unix_socket_permissions=0700",
		"port=" + port,
		"logging_collector=off",
		"log_destination=stderr",
		"timezone=UTC",
		"log_timezone=UTC",
		// One machine, no replicas, short queries.
		"wal_level=minimal",
		"max_wal_senders=0",
		"min_wal_size=32MB",
		"max_wal_size=256MB",
		"shared_buffers=64MB",
		"jit=off",
		// Parallel workers want /dev/shm, which containers keep small.
		"max_parallel_workers_per_gather=0",
		"max_parallel_maintenance_workers=0",
	}
	if s.unsafe {
		settings = append(settings, "max_connections=300", "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	} else {
		settings = append(settings, "max_connections=100")
	}
	args := []string{"-D", filepath.Join(s.dir, "data")}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// makeSocketDir is in the data directory, or in the temporary one if the path
// would be too long for a socket.
func (s *Server) makeSocketDir() (string, error) {
	dir := filepath.Join(s.dir, "run")
	if len(dir)+len("/.s.PGSQL."+port) > maxSocketPath {
		sum := sha256.Sum256([]byte(s.dir))
		name := "chatconnect-pg-" + hex.EncodeToString(sum[:8])
		dir = filepath.Join(os.TempDir(), name)
		if len(dir)+len("/.s.PGSQL."+port) > maxSocketPath {
			dir = filepath.Join("/tmp", name)
		}
	}
	return dir, makePrivate(dir, s.account)
}
