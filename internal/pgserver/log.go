//go:build unix

package pgserver

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// errLingering: processes of a killed predecessor still use its memory.
var errLingering = errors.New("a predecessor's processes linger")

func (s *Server) logPath() string { return filepath.Join(s.dir, "server.log") }

// logTail is the end of the server's log, for error messages.
func (s *Server) logTail() string {
	file, err := os.Open(s.logPath())
	if err != nil {
		return ""
	}
	defer file.Close()
	const most = 2000
	if info, err := file.Stat(); err == nil && info.Size() > most {
		if _, err := file.Seek(-most, io.SeekEnd); err != nil {
			return ""
		}
	}
	content, _ := io.ReadAll(io.LimitReader(file, most)) // a part is better than none
	return strings.TrimSpace(string(content))
}

// lingering recognises PostgreSQL's refusal to start beside the remains of
// another. LC_ALL=C keeps the message in English.
func lingering(log string) bool {
	return strings.Contains(log, "pre-existing shared memory block") ||
		strings.Contains(log, `lock file "postmaster.pid" already exists`)
}
