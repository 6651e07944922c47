package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	cloud "gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Store implements chatconnect.BlobStore.
type Store struct {
	bucket *cloud.Bucket
	dir    string // of a file:// store, else empty
}

var _ chatconnect.BlobStore = (*Store)(nil)

// Open opens the store at a URL such as file:///var/lib/chatconnect/blobs; the
// directory is created, readable by this user only. For s3:// see openS3. Other
// schemes are those of the imported gocloud.dev drivers. Close it.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("blob URL: %w", err)
	}
	if u.Scheme == "s3" {
		return openS3(ctx, u)
	}
	if u.Scheme != "file" {
		bucket, err := cloud.OpenBucket(ctx, rawURL)
		if err != nil {
			return nil, fmt.Errorf("blob URL %s: %w", u.Redacted(), err)
		}
		return &Store{bucket: bucket}, nil
	}
	if (u.Host != "" && u.Host != "localhost") || !strings.HasPrefix(u.Path, "/") {
		return nil, fmt.Errorf("blob URL %s: a file URL is file:// and an absolute path", rawURL)
	}
	if u.RawQuery != "" {
		return nil, fmt.Errorf("blob URL %s: a file URL has no parameters", rawURL)
	}
	dir := filepath.Clean(filepath.FromSlash(u.Path))
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
		CreateDir:   true,
		DirFileMode: 0o700,
		// Temporary files beside the final ones: a rename between file systems
		// would fail.
		NoTempDir: true,
		// No .attrs file beside each blob: nothing here uses attributes.
		Metadata: fileblob.MetadataDontWrite,
	})
	if err != nil {
		return nil, fmt.Errorf("blob directory: %w", err)
	}
	return &Store{bucket: bucket, dir: dir}, nil
}

// Close releases the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Put implements chatconnect.BlobStore. The blob appears whole and on disk, or
// not at all: a failed or cancelled Put leaves what was there before.
func (s *Store) Put(ctx context.Context, key string, content io.Reader) (int64, error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	// Closing the writer commits, unless its context has ended.
	writing, abort := context.WithCancel(ctx)
	defer abort()
	var file *os.File
	w, err := s.newWriter(writing, key, &file)
	if err != nil {
		return 0, unavailable(ctx, err)
	}
	size, err := io.Copy(w, &reader{ctx: ctx, from: content})
	if err == nil && file != nil {
		// Postgres will say the file is here: it must survive a power cut.
		err = file.Sync()
	}
	if err != nil {
		abort()
		_ = w.Close()
		var failed *readError
		if errors.As(err, &failed) {
			return 0, failed.err // the content's own error: a body over its limit, say
		}
		return 0, unavailable(ctx, err)
	}
	if err := w.Close(); err != nil {
		return 0, unavailable(ctx, err)
	}
	if err := s.syncDir(key); err != nil {
		return 0, unavailable(ctx, err)
	}
	return size, nil
}

// newWriter starts writing a blob. For a file:// store, file becomes the
// temporary file.
func (s *Store) newWriter(ctx context.Context, key string, file **os.File) (*cloud.Writer, error) {
	options := &cloud.WriterOptions{
		ContentType: "application/octet-stream", // not detected: that would hold back the first bytes
		BeforeWrite: func(as func(any) bool) error {
			as(file)
			return nil
		},
	}
	w, err := s.bucket.NewWriter(ctx, key, options)
	// A deletion has just removed a directory as empty, or while it was made
	// (then it "exists"). It may go on with the one above, and others follow.
	for tries := 0; tries < 10 && s.dir != "" && (errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrExist)); tries++ {
		w, err = s.bucket.NewWriter(ctx, key, options)
	}
	return w, err
}

// syncDir makes a rename in the blob's directory survive a power cut.
func (s *Store) syncDir(key string) error {
	if s.dir == "" {
		return nil
	}
	d, err := os.Open(filepath.Dir(filepath.Join(s.dir, filepath.FromSlash(key))))
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}

// Open implements chatconnect.BlobStore.
func (s *Store) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	r, err := s.bucket.NewReader(ctx, key, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, chatconnect.ErrNotFound.Because(err)
	}
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return r, nil
}

var errUnavailable = chatconnect.Errorf(chatconnect.KindUnavailable, "storage_unavailable",
	"Files can't be stored or read for a moment. Please try again.")

func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errUnavailable.Because(err)
}

// reader stops when the context does, and marks the errors of the content as
// such.
type reader struct {
	ctx  context.Context
	from io.Reader
}

type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &readError{err}
	}
	return n, err
}
