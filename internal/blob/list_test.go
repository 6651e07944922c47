package blob_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/blob"
)

// list reads all pages of at most n.
func list(t *testing.T, s *blob.Store, n int) []chatconnect.BlobInfo {
	t.Helper()
	var all []chatconnect.BlobInfo
	for cursor := ""; ; {
		page, next, err := s.List(t.Context(), cursor, n)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), n)
		all = append(all, page...)
		if next == "" {
			return all
		}
		require.NotEqual(t, cursor, next)
		cursor = next
	}
}

func TestListPagesOverEveryBlobOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store, _ string) {
		require.Empty(t, list(t, s, 10))
		var want []string
		// "a-b" sorts before "a/…" by bytes and after it by segments.
		for _, client := range []string{"a", "a-b", "b"} {
			for n := range 7 {
				key := fmt.Sprintf("%s/d%d/1/source", client, n)
				put(t, s, key, "text")
				want = append(want, key)
			}
		}
		slices.Sort(want)
		for _, n := range []int{1, 2, 7, 20, 21, 22, 1000} {
			var keys []string
			for _, b := range list(t, s, n) {
				require.EqualValues(t, 4, b.Size)
				require.False(t, b.Unfinished)
				require.WithinDuration(t, time.Now(), b.ModifiedAt, time.Hour)
				keys = append(keys, b.Key)
			}
			slices.Sort(keys)
			require.Equal(t, want, keys, "pages of %d", n)
		}
	})
}

// A page that was read may be deleted before the next is asked for.
func TestListGoesOnAfterDeletion(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store, _ string) {
		for n := range 9 {
			put(t, s, fmt.Sprintf("c/d%d/1/source", n), "x")
		}
		seen := 0
		for cursor := ""; ; {
			page, next, err := s.List(t.Context(), cursor, 2)
			require.NoError(t, err)
			for _, b := range page {
				seen++
				require.NoError(t, s.Delete(t.Context(), b.Key))
			}
			if cursor = next; next == "" {
				break
			}
		}
		require.Equal(t, 9, seen)
		require.Empty(t, list(t, s, 10))
	})
}

// A process that is killed while it stores a file leaves the file unfinished.
func TestUnfinishedFilesAreListedAndCanBeDeleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, "file://"+dir)
	reading, killed := make(chan struct{}), make(chan struct{})
	stored := make(chan error)
	go func() {
		first := true
		_, err := s.Put(context.WithoutCancel(t.Context()), "c/d/1/source", readerFunc(func(p []byte) (int, error) {
			if first {
				first = false
				return copy(p, "half"), nil
			}
			close(reading)
			<-killed
			return 0, os.ErrClosed
		}))
		stored <- err
	}()
	<-reading
	blobs := list(t, s, 10)
	require.Len(t, blobs, 1)
	require.True(t, blobs[0].Unfinished)
	require.True(t, strings.HasPrefix(blobs[0].Key, "c/d/1/source."), blobs[0].Key)
	require.NoError(t, s.Delete(t.Context(), blobs[0].Key))
	require.Empty(t, list(t, s, 10))
	close(killed)
	require.Error(t, <-stored)
}

func TestListReportsAnOutage(t *testing.T) {
	t.Parallel()
	bucket, down := startS3(t)
	s := open(t, bucket)
	put(t, s, "c/d/1/source", "x")
	down.Store(true)
	_, _, err := s.List(t.Context(), "", 10)
	require.ErrorContains(t, err, "storage_unavailable")

	dir := filepath.Join(t.TempDir(), "blobs")
	local := open(t, "file://"+dir)
	put(t, local, "c/d/1/source", "x")
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.WriteFile(dir, nil, 0o600)) // no directory any more
	_, _, err = local.List(t.Context(), "", 10)
	require.ErrorContains(t, err, "storage_unavailable", "nothing to see is not nothing there")
}
