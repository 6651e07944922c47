package app

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/connlimit"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

// TestMetricsOnLoopbackAreReadFromThisMachineOnly: a page that rebinds its DNS
// name reads nothing.
func TestMetricsOnLoopbackAreReadFromThisMachineOnly(t *testing.T) {
	t.Parallel()
	a := &App{config: config.Config{MetricsAddr: "127.0.0.1:0"}, metrics: telemetry.NewMetrics()}
	require.NoError(t, a.listen(t.Context()))
	t.Cleanup(func() { _ = a.metricsEndpoint.listener.Close() })
	for host, want := range map[string]int{"localhost:9464": http.StatusOK, "evil.example": http.StatusMisdirectedRequest} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
		r.Host = host
		a.metricsEndpoint.server.Handler.ServeHTTP(w, r)
		require.Equal(t, want, w.Code, host)
	}
}

// A connection that no request came on doesn't hold a shutdown up, and one whose
// request is being answered is left alone.
func TestUnusedConnectionsEnd(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	e, err := listen(t.Context(), "PORT", "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		_, _ = io.WriteString(w, "whole")
	}), connlimit.Options{Total: 10})
	require.NoError(t, err)
	e.server.ReadHeaderTimeout = 0 // nothing else ends it
	served := make(chan error, 1)
	go func() { served <- e.serve() }()
	request := httptest.NewRequest(http.MethodGet, e.url(), http.NoBody)

	dial := func() net.Conn {
		conn, err := net.Dial("tcp", e.listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		return conn
	}
	busy, unused := dial(), dial()
	require.NoError(t, request.Write(busy))
	<-asked
	require.Eventually(t, func() bool {
		n := 0
		e.unused.Range(func(any, any) bool { n++; return true })
		return n == 1
	}, time.Minute, time.Millisecond, "the used connection counts as unused, or the other not")

	ended := make(chan error, 1)
	go func() {
		_, err := unused.Read(make([]byte, 1))
		ended <- err
	}()
	for err = nil; err == nil; { // again, for the server may only now begin to read
		e.hurry()
		select {
		case err = <-ended:
		case <-time.After(2 * firstByteTimeout):
		}
	}
	require.ErrorIs(t, err, io.EOF)
	close(answer)
	body, err := io.ReadAll(io.LimitReader(busy, 17))
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 200 OK\r\n", string(body))
	require.NoError(t, e.shutdown(t.Context()))
	require.NoError(t, <-served)
}
