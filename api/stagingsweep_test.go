package api_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api"
)

// A process removes what dead ones left in its staging directory, and nothing
// else.
func TestOldStagedFilesAreRemovedAtStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	age := func(name string, d time.Duration) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-d)))
	}
	age("upload-1", 25*time.Hour)
	age("upload-2", 23*time.Hour)
	age("other", 48*time.Hour)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "upload-dir"), 0o700))
	require.NoError(t, os.Chtimes(filepath.Join(dir, "upload-dir"), time.Time{}, time.Now().Add(-48*time.Hour)))

	setup(t, func(o *api.Options) { o.StagingDir = dir })
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	require.Equal(t, []string{"other", "upload-2", "upload-dir"}, left)
}
