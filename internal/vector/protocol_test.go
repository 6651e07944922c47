package vector

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
)

func TestCheckProtocol(t *testing.T) {
	t.Parallel()
	rest := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"title":"qdrant - vector search engine"}`)
	}))
	t.Cleanup(rest.Close)
	restURL, err := url.Parse(rest.URL)
	require.NoError(t, err)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)

	mute, err := net.Listen("tcp", "127.0.0.1:0") // connects, and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = mute.Close() })

	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, nobody.Close())

	// Nobody is waited for that answers: a busy machine may take its time.
	const answers, silent = time.Minute, 50 * time.Millisecond
	for name, test := range map[string]struct {
		url, err string
		within   time.Duration
	}{
		"the REST port by its number":  {"http://qdrant.invalid:6333", "QDRANT_URL points at the REST port 6333; ChatConnect speaks gRPC, usually port 6334", answers},
		"HTTP/1 on another port":       {rest.URL, "QDRANT_URL points at the REST port " + restURL.Port() + "; ChatConnect speaks gRPC, usually port 6334", answers},
		"gRPC":                         {"http://" + listener.Addr().String(), "", answers},
		"a server that says nothing":   {"http://" + mute.Addr().String(), "", silent},
		"a server that is not there":   {"http://" + nobody.Addr().String(), "", answers},
		"TLS where there is none":      {"https://" + restURL.Host, "", answers},
		"an address that can't be one": {"qdrant:6334", "vector: the URL of Qdrant must be", answers},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), test.within)
			defer cancel()
			err := checkProtocol(ctx, test.url)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
		})
	}
}
