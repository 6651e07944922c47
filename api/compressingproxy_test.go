package api_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// compressingProxy passes everything on as Node's `compression` middleware
// does: text is compressed, and sent once it has ended, unless Cache-Control
// says no-transform.
func compressingProxy(t *testing.T, target string) *httptest.Server {
	t.Helper()
	to, err := url.Parse(target)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		FlushInterval: -1, // what is not compressed is passed on at once
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/") || strings.Contains(r.Header.Get("Cache-Control"), "no-transform") {
				return nil
			}
			plain, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			var compressed bytes.Buffer
			w := gzip.NewWriter(&compressed)
			_, _ = w.Write(plain)
			if err := w.Close(); err != nil {
				return err
			}
			r.Header.Set("Content-Encoding", "gzip")
			r.Header.Del("Content-Length")
			r.Body = io.NopCloser(&compressed)
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server
}

// TestStreamsPassACompressingProxy: each token arrives before the next one is
// written, of a question as of one that is attached to.
func TestStreamsPassACompressingProxy(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	c.http = compressingProxy(t, c.http.URL)
	c.visitor.http = c.http
	asked := c.visitor.open("POST", "/chat/stream", question("Hi"))
	attached := c.visitor.open("GET", "/chat/stream?messageId=m1&sessionId=s1", nil)
	for n, text := range []string{"It ", "costs ", "42."} {
		c.publish(token(int64(n+1), text))
		for _, s := range []*stream{asked, attached} {
			e, err := s.next()
			require.NoError(t, err)
			require.Equal(t, text, e.text())
		}
	}
	c.publish(done(4))
	for _, s := range []*stream{asked, attached} {
		names, _ := s.rest()
		require.Equal(t, []string{"done"}, names)
	}
}
