package api

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// stagedPattern names the files of uploads under way, stagedAge is when one was
// left by a process that died: an upload may take a quarter of an hour. Where
// the system lets open files be unlinked none is ever left.
const (
	stagedPattern = "upload-*"
	stagedAge     = 24 * time.Hour
)

// sweepStaging removes what killed processes left in the staging directory.
// Other processes may be using it.
func sweepStaging(dir string, logger *slog.Logger) {
	names, _ := filepath.Glob(filepath.Join(dir, stagedPattern)) // the pattern is well-formed
	for _, name := range names {
		info, err := os.Lstat(name)
		if err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) < stagedAge {
			continue
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			logger.Warn("staged file not removed", "file", name, "error", err)
			continue
		}
		logger.Info("staged file of a dead process removed", "file", name, "bytes", info.Size(), "modified", info.ModTime())
	}
}
