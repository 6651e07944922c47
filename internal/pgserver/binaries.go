//go:build unix

package pgserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
)

// findBinaries returns the directory that holds initdb and postgres: wanted if
// given, else the one PATH leads to, else the newest of Debian's. Links are
// followed, because PostgreSQL looks for its files beside the real binary.
func findBinaries(wanted string) (string, error) {
	if wanted != "" {
		if hasBinaries(wanted) {
			return wanted, nil
		}
		return "", ErrNoBinaries
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil && hasBinaries(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well-formed
	sort.Slice(dirs, func(i, j int) bool { return majorVersion(dirs[i]) > majorVersion(dirs[j]) })
	for _, dir := range dirs {
		if hasBinaries(dir) {
			return dir, nil
		}
	}
	return "", ErrNoBinaries
}

func hasBinaries(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// majorVersion reads 15 from /usr/lib/postgresql/15/bin, and 0 from 9.6.
func majorVersion(dir string) int {
	version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	if err != nil {
		return 0
	}
	return version
}
