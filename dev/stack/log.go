package stack

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// openLog appends warnings as JSON lines to a file, which starts afresh when
// it has grown large.
func openLog(file string) (*slog.Logger, func() error, error) {
	f, err := OpenLogFile(file)
	if err != nil {
		return nil, nil, err
	}
	return slog.New(slog.NewJSONHandler(f, &slog.HandlerOptions{Level: slog.LevelWarn})), f.Close, nil
}

// OpenLogFile opens a file for appending; one that has passed 10 MB is moved
// aside to file.1 first.
func OpenLogFile(file string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	if info, err := os.Stat(file); err == nil && info.Size() > 10<<20 {
		if err := os.Rename(file, file+".1"); err != nil {
			return nil, fmt.Errorf("log: %w", err)
		}
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return f, nil
}
