package blob

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	cloud "gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// Delete implements chatconnect.BlobStore. Unfinished files of the same key that
// a killed process left go too; a Put that is under way fails. One of those
// files alone, as List shows it, can be deleted as well.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := checkKey(unfinished.ReplaceAllString(key, "")); err != nil {
		return err
	}
	if err := s.remove(ctx, key); err != nil {
		return err
	}
	if err := s.removeUnfinished(ctx, key); err != nil {
		return err
	}
	s.prune(key)
	return nil
}

// removeUnfinished removes the driver's temporary files, key.<hex>.tmp. An
// object store has none: what was not finished was never there.
func (s *Store) removeUnfinished(ctx context.Context, key string) error {
	if s.dir == "" {
		return nil
	}
	names, _ := filepath.Glob(filepath.Join(s.dir, filepath.FromSlash(key)) + ".*.tmp") // the pattern is well-formed
	for _, name := range names {
		if strings.Count(filepath.Base(name), ".") > strings.Count(path.Base(key), ".")+2 {
			continue // of another key, which begins with this one
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return unavailable(ctx, err)
		}
	}
	return nil
}

// DeletePrefix implements chatconnect.BlobStore. The prefix must end with a
// slash. Unfinished files that a killed process left there go too.
func (s *Store) DeletePrefix(ctx context.Context, prefix string) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	blobs := s.bucket.List(&cloud.ListOptions{Prefix: prefix})
	for {
		blob, err := blobs.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unavailable(ctx, err)
		}
		if err := s.remove(ctx, blob.Key); err != nil {
			return err
		}
		s.prune(blob.Key)
	}
}

// CountPrefix implements chatconnect.BlobStore, with prefixes as DeletePrefix
// takes them.
func (s *Store) CountPrefix(ctx context.Context, prefix string) (int, error) {
	if err := checkPrefix(prefix); err != nil {
		return 0, err
	}
	blobs := s.bucket.List(&cloud.ListOptions{Prefix: prefix})
	for count := 0; ; count++ {
		_, err := blobs.Next(ctx)
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return 0, unavailable(ctx, err)
		}
	}
}

func (s *Store) remove(ctx context.Context, key string) error {
	if err := s.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return unavailable(ctx, err)
	}
	return nil
}

// prune removes the directories that a deleted blob has left empty. A
// directory in use refuses, which ends it.
func (s *Store) prune(key string) {
	if s.dir == "" {
		return
	}
	for dir := key; ; {
		cut := strings.LastIndexByte(dir, '/')
		if cut < 0 {
			return
		}
		dir = dir[:cut]
		if os.Remove(filepath.Join(s.dir, filepath.FromSlash(dir))) != nil {
			return
		}
	}
}
