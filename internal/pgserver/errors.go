//go:build unix

package pgserver

import (
	"errors"
	"fmt"
)

// ErrNoBinaries means that there is no PostgreSQL on this machine.
var ErrNoBinaries = errors.New("PostgreSQL is not installed: no initdb and postgres on PATH or in /usr/lib/postgresql/*/bin " +
	"(on Debian and Ubuntu: apt-get install postgresql)")

// InUseError refuses a second server on one directory.
type InUseError struct {
	DataDir string
	PID     int // of the process that owns it, 0 if unknown
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the database in %s is in use by another process", e.DataDir)
	}
	return fmt.Sprintf("the database in %s is in use by process %d", e.DataDir, e.PID)
}
