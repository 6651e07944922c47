package blob_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/blob"
)

// startS3 runs a server that speaks S3, and returns the URL of a bucket in it.
// While down is set, it answers 503.
func startS3(t *testing.T) (bucketURL string, down *atomic.Bool) {
	t.Helper()
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("documents"))
	down = &atomic.Bool{}
	s3 := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusForbidden) // the SDK would retry a 503 for seconds
			return
		}
		s3.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return "s3://documents?anonymous=true&endpoint=" + url.QueryEscape(server.URL), down
}

func TestS3OutagesAreUnavailable(t *testing.T) {
	t.Parallel()
	bucket, down := startS3(t)
	s := open(t, bucket)
	put(t, s, "c/d/1/source", "x")
	down.Store(true)
	var problems []error
	_, err := s.Put(t.Context(), "c/d/2/source", strings.NewReader("x"))
	problems = append(problems, err)
	_, err = s.Open(t.Context(), "c/d/1/source")
	problems = append(problems, err, s.Delete(t.Context(), "c/d/1/source"), s.DeletePrefix(t.Context(), "c/d/"))
	for _, err := range problems {
		require.ErrorContains(t, err, "storage_unavailable")
	}
	down.Store(false)
	require.Equal(t, "x", read(t, s, "c/d/1/source"))
}

// Two installations may share a bucket.
func TestS3Prefix(t *testing.T) {
	t.Parallel()
	bucket, _ := startS3(t)
	a, b, all := open(t, bucket+"&prefix=a/"), open(t, bucket+"&prefix=b/"), open(t, bucket)
	put(t, a, "c/k", "of a")
	put(t, b, "c/k", "of b")
	require.Equal(t, "of a", read(t, all, "a/c/k"))
	require.NoError(t, a.DeletePrefix(t.Context(), "c/"))
	require.Equal(t, "of b", read(t, b, "c/k"))
}

// Larger than the part of a multipart upload.
func TestS3LargeBlob(t *testing.T) {
	t.Parallel()
	bucket, _ := startS3(t)
	s := open(t, bucket)
	large := strings.Repeat("0123456789abcdef", 12<<20/16)
	put(t, s, "c/d/1/source", large)
	require.Equal(t, large, read(t, s, "c/d/1/source"), "it comes back as it went")
}

func TestS3URLsAreChecked(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ url, says string }{
		{"s3://", "s3://bucket"},
		{"s3://bucket/folder", "prefix=folder/"},
		{"s3://key:secret@bucket", "AWS_ACCESS_KEY_ID"},
		{"s3://bucket?endpoint=localhost:9000", "endpoint must be a URL"},
		{"s3://bucket?region=x&nonsense=1", "nonsense"},
	} {
		_, err := blob.Open(t.Context(), test.url)
		require.ErrorContains(t, err, test.says, test.url)
		require.NotContains(t, err.Error(), "secret@")
	}
}
