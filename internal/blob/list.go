package blob

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	cloud "gocloud.dev/blob"

	chatconnect "github.com/chatconnect/chatconnect"
)

// maxList is the most blobs a page may have; S3 gives no more.
const maxList = 1000

// unfinished ends the name of a file that a Put is writing, as the driver of
// directories makes it. A Put that ended removes it, so an old one was left by
// a process that died. Object stores have none: what they call an unfinished
// upload can't be listed as a blob.
var unfinished = regexp.MustCompile(`\.[0-9a-f]+\.tmp$`)

// List implements chatconnect.BlobStore.
func (s *Store) List(ctx context.Context, cursor string, limit int) ([]chatconnect.BlobInfo, string, error) {
	limit = max(1, min(limit, maxList))
	if s.dir != "" {
		return s.listDir(ctx, cursor, limit)
	}
	token := cloud.FirstPageToken
	if cursor != "" {
		var err error
		if token, err = base64.StdEncoding.DecodeString(cursor); err != nil {
			return nil, "", chatconnect.AsError(fmt.Errorf("blob: cursor %q is not valid", cursor))
		}
	}
	objects, next, err := s.bucket.ListPage(ctx, token, limit, nil)
	if errors.Is(err, io.EOF) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", unavailable(ctx, err)
	}
	page := make([]chatconnect.BlobInfo, len(objects))
	for i, object := range objects {
		page[i] = chatconnect.BlobInfo{Key: object.Key, Size: object.Size, ModifiedAt: object.ModTime}
	}
	return page, base64.StdEncoding.EncodeToString(next), nil
}

// listDir walks the directory itself, from the cursor on: the driver would walk
// all of it for every page. The cursor is the last key of the page before.
func (s *Store) listDir(ctx context.Context, cursor string, limit int) ([]chatconnect.BlobInfo, string, error) {
	after := strings.Split(cursor, "/")
	var page []chatconnect.BlobInfo
	more := false
	err := fs.WalkDir(os.DirFS(s.dir), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist): // removed since its directory was read
			return nil
		case err != nil:
			return err
		case path == ".":
			return nil
		}
		parts := strings.Split(path, "/")
		if entry.IsDir() {
			if slices.Compare(parts, after[:min(len(parts), len(after))]) < 0 {
				return fs.SkipDir
			}
			return nil
		}
		if cursor != "" && slices.Compare(parts, after) <= 0 {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(page) == limit {
			more = true
			return fs.SkipAll
		}
		page = append(page, chatconnect.BlobInfo{
			Key: path, Size: info.Size(), ModifiedAt: info.ModTime(), Unfinished: unfinished.MatchString(path),
		})
		return nil
	})
	if err != nil {
		return nil, "", unavailable(ctx, err)
	}
	if !more {
		return page, "", nil
	}
	return page, page[len(page)-1].Key, nil
}
