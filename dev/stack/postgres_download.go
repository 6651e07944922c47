package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/chatconnect/chatconnect/internal/pgserver"
)

const downloadedVersion = embeddedpostgres.V17

// downloadedPostgres returns the directory of PostgreSQL's binaries in the
// user's cache, downloading them (about 10 MB) the first time.
//
// embedded-postgres is used as a downloader only. Its launcher listens on a
// TCP port, can't be used by root and leaves the server running when we are
// killed; ours does none of that.
func downloadedPostgres(ctx context.Context, notify func(string)) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil { // no HOME
		cache = os.TempDir()
	}
	// Where PostgreSQL's own user can reach it, if that is not us.
	dir, err := pgserver.ResolveDataDir(filepath.Join(cache, "chatconnect", "postgres-"+string(downloadedVersion)))
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "bin")
	if hasInitdb(bin) {
		return bin, nil
	}
	notify("PostgreSQL is not installed; downloading it once...")
	if err := download(ctx, dir); err != nil {
		return "", err
	}
	return bin, nil
}

func hasInitdb(bin string) bool {
	_, err := os.Stat(filepath.Join(bin, "initdb"))
	return err == nil
}

// download makes embedded-postgres unpack its binaries. The library unpacks
// only on the way to starting a server; the data directory it is given looks
// initialised but is not, so that the start itself fails, always and at once.
func download(ctx context.Context, dir string) error {
	work, err := os.MkdirTemp("", "chatconnect-postgres-")
	if err != nil {
		return err
	}
	decoy := filepath.Join(work, "data")
	unpacked := filepath.Join(work, "unpacked")
	config := embeddedpostgres.DefaultConfig().Version(downloadedVersion).Logger(io.Discard).Port(freePort()).
		CachePath(filepath.Join(work, "archive")).RuntimePath(filepath.Join(work, "runtime")).
		DataPath(decoy).BinariesPath(unpacked)
	if err := os.MkdirAll(decoy, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(decoy, "PG_VERSION"), []byte("17\n"), 0o600); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { // it takes no context
		defer func() { _ = os.RemoveAll(work) }()
		postgres := embeddedpostgres.NewDatabase(config)
		err := postgres.Start()
		if err == nil {
			err = errors.Join(errors.New("the decoy was started"), postgres.Stop())
		}
		if !hasInitdb(filepath.Join(unpacked, "bin")) {
			done <- err
			return
		}
		done <- install(unpacked, dir)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// install puts the unpacked files into place, whole or not at all.
func install(unpacked, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	staged := dir + ".new"
	if err := errors.Join(os.RemoveAll(staged), os.RemoveAll(dir)); err != nil {
		return err
	}
	if err := os.CopyFS(staged, os.DirFS(unpacked)); err != nil {
		return fmt.Errorf("install PostgreSQL: %w", err)
	}
	return os.Rename(staged, dir)
}
