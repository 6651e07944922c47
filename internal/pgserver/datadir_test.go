//go:build unix

package pgserver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhereTheDataLies(t *testing.T) {
	t.Parallel()
	// Another user than we are; only root meets one, but modes are modes.
	stranger := account{uid: 54321, gid: 54321, switched: true}
	base := filepath.Dir(newDir(t))
	open := filepath.Join(base, "open")
	require.NoError(t, os.MkdirAll(open, 0o755))
	closed := filepath.Join(base, "home", "project")
	require.NoError(t, os.MkdirAll(closed, 0o755))
	require.NoError(t, os.Chmod(filepath.Join(base, "home"), 0o700))
	require.NoError(t, os.Symlink(closed, filepath.Join(base, "link")))
	fallback := filepath.Join(base, "fallback")
	unusable := filepath.Join(base, "home", "fallback")

	dir := func(wanted string, account account, fallbacks ...string) string {
		got, err := resolveDataDir(wanted, account, fallbacks...)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, filepath.Join(open, "pg"), dir(filepath.Join(open, "pg"), stranger, fallback))
	require.Equal(t, filepath.Join(open, "not", "yet"), dir(filepath.Join(open, "not", "yet"), stranger, fallback))

	moved := dir(filepath.Join(closed, "pg"), stranger, fallback)
	require.Equal(t, fallback, filepath.Dir(moved))
	require.Equal(t, moved, dir(filepath.Join(closed, "pg"), stranger, fallback), "the same again")
	require.NotEqual(t, moved, dir(filepath.Join(closed, "pg2"), stranger, fallback))
	require.Equal(t, moved, dir(filepath.Join(closed, "pg"), stranger, unusable, fallback), "past a fallback of no use")
	require.Equal(t, fallback, filepath.Dir(dir(filepath.Join(base, "link", "pg"), stranger, fallback)), "through a link")

	_, err := resolveDataDir(filepath.Join(closed, "pg"), stranger, unusable)
	require.ErrorContains(t, err, "can't enter")

	self := account{uid: os.Geteuid(), gid: os.Getegid()}
	require.Equal(t, filepath.Join(closed, "pg"), dir(filepath.Join(closed, "pg"), self, fallback), "our own user goes where we go")
}

func TestAPlantedDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can plant one")
	}
	account, err := serverAccount()
	require.NoError(t, err)
	planted := newDir(t)
	require.NoError(t, os.Mkdir(planted, 0o777))
	require.NoError(t, os.Chown(planted, 54321, 54321))
	require.ErrorContains(t, makePrivate(planted, account), "is not a directory of user")
	link := newDir(t)
	require.NoError(t, os.Symlink(t.TempDir(), link))
	require.ErrorContains(t, makePrivate(link, account), "is not a directory of user")
}

func TestBinariesAreFound(t *testing.T) {
	t.Parallel()
	dir, err := findBinaries("")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "initdb"))
	_, err = findBinaries(t.TempDir())
	require.ErrorIs(t, err, ErrNoBinaries)
	require.Equal(t, 17, majorVersion("/usr/lib/postgresql/17/bin"))
	require.Zero(t, majorVersion("/usr/lib/postgresql/9.6/bin"))
}
