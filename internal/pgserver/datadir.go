//go:build unix

package pgserver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ResolveDataDir says where a server with Options.DataDir dir keeps its files.
// That is dir itself, unless the server runs as another user who can't get
// there, as under root's home. Then it is a directory of /var/lib/chatconnect,
// or failing that of the system's temporary directory, named by a hash of dir:
// the same dir always leads to the same place.
func ResolveDataDir(dir string) (string, error) {
	account, err := serverAccount()
	if err != nil {
		return "", err
	}
	return resolveDataDir(dir, account, "/var/lib/chatconnect", filepath.Join(os.TempDir(), "chatconnect"))
}

func resolveDataDir(dir string, account account, fallbacks ...string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	ok, err := reachable(absolute, account)
	if err != nil {
		return "", err
	}
	if ok {
		return absolute, nil
	}
	sum := sha256.Sum256([]byte(absolute))
	name := "pg-" + hex.EncodeToString(sum[:8])
	for _, base := range fallbacks {
		if os.MkdirAll(base, 0o755) != nil {
			continue
		}
		if ok, err := reachable(filepath.Join(base, name), account); err == nil && ok {
			return filepath.Join(base, name), nil
		}
	}
	return "", fmt.Errorf("user %d, who PostgreSQL runs as, can't enter %s, nor any of %v", account.uid, absolute, fallbacks)
}

// reachable reports whether the account can pass through all directories above
// dir that exist; those that don't will be made so that it can.
func reachable(dir string, account account) (bool, error) {
	if !account.switched {
		return true, nil
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		real, err := filepath.EvalSymlinks(parent)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return false, err
		default:
			return traversable(real, account)
		}
		if parent == filepath.Dir(parent) {
			return true, nil
		}
	}
}

// traversable checks dir and everything above it.
func traversable(dir string, account account) (bool, error) {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return false, err
		}
		if !account.canTraverse(info) {
			return false, nil
		}
		if dir == filepath.Dir(dir) {
			return true, nil
		}
	}
}

// makePrivate creates dir for the account alone. A directory that is there
// already must be the account's (or ours, to give away): in a place where
// everyone may write, it could be someone else's trap.
func makePrivate(dir string, account account) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || (int(stat.Uid) != account.uid && int(stat.Uid) != os.Geteuid()) {
		return fmt.Errorf("%s is not a directory of user %d", dir, account.uid)
	}
	if err := account.own(dir); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// Remove deletes the data of a server that is not running.
func Remove(dataDir string) error {
	dir, err := ResolveDataDir(dataDir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := acquire(dir)
	if err != nil {
		return err
	}
	defer release(lock)
	if pid := postmaster(filepath.Join(dir, "data")); pid != 0 {
		return &InUseError{DataDir: dir, PID: pid}
	}
	return os.RemoveAll(dir)
}
