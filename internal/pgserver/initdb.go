//go:build unix

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ensureCluster makes the data directory unless it is there. It is made beside
// its place and renamed, so that one interrupted is never taken for whole.
func (s *Server) ensureCluster(ctx context.Context, log *os.File) error {
	data := filepath.Join(s.dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unfinished := filepath.Join(s.dir, "data.new")
	// C.UTF-8 knows letters beyond ASCII; not every system has it.
	var err error
	for _, locale := range []string{"--locale=C.UTF-8", "--no-locale"} {
		if err = os.RemoveAll(unfinished); err != nil {
			return err
		}
		if err = s.initdb(ctx, log, unfinished, locale); err == nil {
			return os.Rename(unfinished, data)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

func (s *Server) initdb(ctx context.Context, log *os.File, data, locale string) error {
	args := []string{"-D", data, "-U", superuser, "--auth=trust", "--encoding=UTF8", "--no-instructions", locale}
	if s.unsafe {
		args = append(args, "--no-sync")
	}
	initdb, err := startChild(s.account, log, s.dir, filepath.Join(s.bin, "initdb"), args...)
	if err != nil {
		return err
	}
	select {
	case <-initdb.done:
	case <-ctx.Done():
		_ = initdb.cmd.Process.Kill() // gone already is as good
		<-initdb.done
		return fmt.Errorf("initdb: %w", ctx.Err())
	}
	if initdb.err != nil {
		return fmt.Errorf("initdb: %w\n%s", initdb.err, s.logTail())
	}
	return nil
}
