package blob_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "gocloud.dev/blob/memblob"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/blob"
)

// each runs f on a directory and on two object stores, for which dir is empty.
func each(t *testing.T, f func(t *testing.T, s *blob.Store, dir string)) {
	t.Helper()
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "new", "blobs")
		f(t, open(t, "file://"+dir), dir)
	})
	t.Run("mem", func(t *testing.T) {
		t.Parallel()
		f(t, open(t, "mem://"), "")
	})
	t.Run("s3", func(t *testing.T) {
		t.Parallel()
		bucket, _ := startS3(t)
		f(t, open(t, bucket), "")
	})
}

func open(t *testing.T, url string) *blob.Store {
	t.Helper()
	s, err := blob.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func read(t *testing.T, s *blob.Store, key string) string {
	t.Helper()
	r, err := s.Open(t.Context(), key)
	require.NoError(t, err)
	defer func() { _ = r.Close() }()
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(content)
}

func put(t *testing.T, s *blob.Store, key, content string) {
	t.Helper()
	n, err := s.Put(t.Context(), key, strings.NewReader(content))
	require.NoError(t, err)
	require.EqualValues(t, len(content), n)
}

// files lists all files and directories below dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	found := []string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != dir {
			name, _ := filepath.Rel(dir, path)
			found = append(found, name)
		}
		return err
	}))
	return found
}

func TestPutOpenDelete(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store, dir string) {
		key := chatconnect.SourceBlobKey("c", chatconnect.Revision{DocumentID: "d", Version: 1})
		_, err := s.Open(t.Context(), key)
		require.ErrorIs(t, err, chatconnect.ErrNotFound)

		large := strings.Repeat("0123456789abcdef", 1<<16)
		put(t, s, key, large)
		require.Equal(t, large, read(t, s, key))
		put(t, s, key, "")
		require.Empty(t, read(t, s, key), "replaced, and an empty blob is a blob")
		if dir != "" {
			require.Equal(t, []string{"c", "c/d", "c/d/1", "c/d/1/source"}, files(t, dir), "no side files")
			info, err := os.Stat(filepath.Join(dir, "c"))
			require.NoError(t, err)
			require.EqualValues(t, 0o700, info.Mode().Perm(), "nobody else may look")
		}

		require.NoError(t, s.Delete(t.Context(), key))
		require.NoError(t, s.Delete(t.Context(), key), "a missing one is no error")
		_, err = s.Open(t.Context(), key)
		require.ErrorIs(t, err, chatconnect.ErrNotFound)
		if dir != "" {
			require.Empty(t, files(t, dir), "no empty directories")
		}
	})
}

func TestDirectoryIsNotABlob(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store, _ string) {
		put(t, s, "c/d/1/source", "x")
		_, err := s.Open(t.Context(), "c/d")
		require.ErrorIs(t, err, chatconnect.ErrNotFound)
	})
}

// An interrupted Put leaves what was there before, and nothing else.
func TestPutIsAllOrNothing(t *testing.T) {
	t.Parallel()
	tooLarge := chatconnect.Errorf(chatconnect.KindTooLarge, "file_too_large", "too large")
	some := func() io.Reader { return strings.NewReader(strings.Repeat("new", 100_000)) }
	cases := map[string]struct {
		content func(cancel func()) io.Reader
		want    error
	}{
		"the content fails at once": {func(func()) io.Reader { return iotest.ErrReader(tooLarge) }, tooLarge},
		"the content fails later":   {func(func()) io.Reader { return io.MultiReader(some(), iotest.ErrReader(tooLarge)) }, tooLarge},
		"cancelled before":          {func(cancel func()) io.Reader { cancel(); return some() }, context.Canceled},
		"cancelled in between": {func(cancel func()) io.Reader {
			return io.MultiReader(some(), readerFunc(func([]byte) (int, error) { cancel(); return 0, nil }), some())
		}, context.Canceled},
		"cancelled at the end": {func(cancel func()) io.Reader {
			return io.MultiReader(some(), readerFunc(func([]byte) (int, error) { cancel(); return 0, io.EOF }))
		}, context.Canceled},
	}
	each(t, func(t *testing.T, s *blob.Store, dir string) {
		put(t, s, "c/old", "old")
		for name, c := range cases {
			for _, key := range []string{"c/old", "c/fresh"} {
				ctx, cancel := context.WithCancel(t.Context())
				_, err := s.Put(ctx, key, c.content(cancel))
				cancel()
				require.ErrorIs(t, err, c.want, name)
			}
			require.Equal(t, "old", read(t, s, "c/old"), name)
			_, err := s.Open(t.Context(), "c/fresh")
			require.ErrorIs(t, err, chatconnect.ErrNotFound, name)
			if dir != "" {
				require.Equal(t, []string{"c", "c/old"}, files(t, dir), name)
			}
		}
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestConcurrentPutsNeverMix(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store, dir string) {
		var all sync.WaitGroup
		for i := range 8 {
			content := bytes.Repeat([]byte{byte('a' + i)}, 200_000)
			all.Go(func() {
				_, err := s.Put(t.Context(), "c/k", bytes.NewReader(content))
				assert.NoError(t, err)
			})
		}
		all.Wait()
		got := read(t, s, "c/k")
		require.Equal(t, strings.Repeat(got[:1], 200_000), got)
		if dir != "" {
			require.Equal(t, []string{"c", "c/k"}, files(t, dir))
		}
	})
}

func TestDeletePrefix(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store, dir string) {
		for _, key := range []string{"c/d/1/source", "c/d/1/blocks.jsonl", "c/d/2/source", "c/dd/1/source", "cc/d/1/source"} {
			put(t, s, key, key)
		}
		if dir != "" { // as a killed process leaves it
			require.NoError(t, os.WriteFile(filepath.Join(dir, "c", "d", "2", "source.18a.tmp"), []byte("half"), 0o600))
		}
		for prefix, want := range map[string]int{"c/": 4, "c/d/": 3, "c/d/1/": 2, "x/": 0} {
			count, err := s.CountPrefix(t.Context(), prefix)
			require.NoError(t, err)
			if dir != "" && (prefix == "c/" || prefix == "c/d/") {
				want++ // the unfinished one
			}
			require.Equal(t, want, count, prefix)
		}
		_, err := s.CountPrefix(t.Context(), "c")
		require.Error(t, err, "not a whole segment")
		require.NoError(t, s.DeletePrefix(t.Context(), chatconnect.BlobPrefix("c", "d")))
		require.NoError(t, s.DeletePrefix(t.Context(), chatconnect.BlobPrefix("c", "d")), "again is no error")
		for _, key := range []string{"c/dd/1/source", "cc/d/1/source"} {
			require.Equal(t, key, read(t, s, key))
		}
		if dir != "" {
			require.Equal(t, []string{"c", "c/dd", "c/dd/1", "c/dd/1/source", "cc", "cc/d", "cc/d/1", "cc/d/1/source"}, files(t, dir))
		}
		require.NoError(t, s.DeletePrefix(t.Context(), "c/"))
		_, err = s.Open(t.Context(), "c/dd/1/source")
		require.ErrorIs(t, err, chatconnect.ErrNotFound)
		require.Equal(t, "cc/d/1/source", read(t, s, "cc/d/1/source"))
	})
}

// What a killed process left of a blob goes with the blob, and only that.
func TestDeleteRemovesUnfinishedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, "file://"+dir)
	put(t, s, "c/d/1/blocks.jsonl", "whole")
	for _, name := range []string{"blocks.jsonl.18eab6da6dde6767.tmp", "blocks.jsonl.2.18eab6da6dde6767.tmp", "source.18eab6da6dde6767.tmp"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "c", "d", "1", name), []byte("half"), 0o600))
	}
	require.NoError(t, s.Delete(t.Context(), "c/d/1/blocks.jsonl"))
	require.Equal(t, []string{"c", "c/d", "c/d/1", "c/d/1/blocks.jsonl.2.18eab6da6dde6767.tmp", "c/d/1/source.18eab6da6dde6767.tmp"}, files(t, dir))
}

// A document is deleted while its next version arrives.
func TestPutBesideDeletePrefix(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store, _ string) {
		for range 100 {
			put(t, s, "c/d/1/source", "old")
			var all sync.WaitGroup
			all.Go(func() { assert.NoError(t, s.DeletePrefix(t.Context(), "c/d/1/")) })
			all.Go(func() {
				_, err := s.Put(t.Context(), "c/d/2/source", strings.NewReader("new"))
				assert.NoError(t, err)
			})
			all.Wait()
			require.Equal(t, "new", read(t, s, "c/d/2/source"))
			require.NoError(t, s.DeletePrefix(t.Context(), "c/d/"))
		}
	})
}

func TestKeysAreChecked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *blob.Store, dir string) {
		bad := []string{"", "single", "/c/d", "c//d", "c/d/", "../x/y", "c/../../x", "c/./d", "c/.hidden", "c/d\x00", "c/d e", "c\\d/e", "c/é", "c/x.attrs", "c/x.tmp", "c/" + strings.Repeat("x", 600)}
		for _, key := range bad {
			_, err := s.Put(t.Context(), key, strings.NewReader("x"))
			require.Error(t, err, key)
			_, err = s.Open(t.Context(), key)
			require.Error(t, err, key)
			require.NotErrorIs(t, err, chatconnect.ErrNotFound, key)
			require.Error(t, s.Delete(t.Context(), key), key)
		}
		for _, prefix := range []string{"", "/", "c", "c/d", "../", "c/../", "//", "./"} {
			require.Error(t, s.DeletePrefix(t.Context(), prefix), prefix)
		}
		if dir != "" {
			require.Empty(t, files(t, dir))
		}
	})
}

func TestURLsAreChecked(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, url := range []string{"", "relative", "file://relative/dir", "file:relative", "file:///dir?x=y", "file://" + file, "unknown://x", ":"} {
		_, err := blob.Open(t.Context(), url)
		require.Error(t, err, url)
	}
}

func TestBlobsOutliveTheStore(t *testing.T) {
	t.Parallel()
	url := "file://" + t.TempDir()
	first, err := blob.Open(t.Context(), url)
	require.NoError(t, err)
	put(t, first, "c/k", "kept")
	require.NoError(t, first.Close())
	require.Equal(t, "kept", read(t, open(t, url), "c/k"))
}

// Each deletion removes the directories that it leaves empty, under whoever is
// about to write there.
func TestPutsBesideDeletions(t *testing.T) {
	t.Parallel()
	s := open(t, "file://"+t.TempDir())
	var all sync.WaitGroup
	for i := range 8 {
		key := fmt.Sprintf("c/d/%d/source", i)
		all.Go(func() {
			for range 200 {
				_, err := s.Put(t.Context(), key, strings.NewReader("new"))
				if !assert.NoError(t, err) || !assert.NoError(t, s.Delete(t.Context(), key)) {
					return
				}
			}
		})
	}
	all.Wait()
}
