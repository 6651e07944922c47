package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/internal/connlimit"
)

// raw sends a request as it is written and returns its answer. Not held to
// openapi.yaml, which says once for all routes what may happen to each.
func raw(t *testing.T, conn net.Conn, request string) (*http.Response, map[string]any) {
	t.Helper()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err := io.WriteString(conn, request)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	var body map[string]any
	require.NoError(t, json.NewDecoder(response.Body).Decode(&body))
	return response, body
}

func dialTCP(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestRequestsOfAnAddress: behind a proxy one visitor can't hold all there is.
func TestRequestsOfAnAddress(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.MaxConnectionsPerAddress, o.TrustedProxies = 3, []string{"127.0.0.1"} })
	const held = "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
	const asked = "GET /livez HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: %s\r\n\r\n"
	var holding []net.Conn
	for i := range 3 {
		conn := dialTCP(t, b.http.URL)
		_, err := fmt.Fprintf(conn, held, fmt.Sprintf("2001:db8:1:2::%x", i))
		require.NoError(t, err)
		holding = append(holding, conn)
	}
	var response *http.Response
	var body map[string]any
	require.Eventually(t, func() bool {
		response, body = raw(t, dialTCP(t, b.http.URL), fmt.Sprintf(asked, "2001:db8:1:2::ffff"))
		return response.StatusCode == http.StatusTooManyRequests
	}, time.Minute, time.Millisecond)
	require.Equal(t, "too_many_connections", body["code"])
	require.NotEmpty(t, response.Header.Get("Retry-After"))
	require.Contains(t, b.refused.list(), "requests")
	response, _ = raw(t, dialTCP(t, b.http.URL), fmt.Sprintf(asked, "2001:db8:1:3::1"))
	require.Equal(t, http.StatusOK, response.StatusCode, "another visitor")

	require.NoError(t, holding[0].Close())
	require.Eventually(t, func() bool {
		response, _ = raw(t, dialTCP(t, b.http.URL), fmt.Sprintf(asked, "2001:db8:1:2::ffff"))
		return response.StatusCode == http.StatusOK
	}, time.Minute, time.Millisecond)
}

// TestFullServerAnswersProbes: an attack on its connections must not get a
// healthy process restarted.
func TestFullServerAnswersProbes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	full := &http.Server{Handler: b.server.Handler(), ConnContext: connlimit.ConnContext, ReadHeaderTimeout: time.Minute}
	go func() { _ = full.Serve(connlimit.NewListener(inner, connlimit.Options{Total: 1})) }()
	t.Cleanup(func() { _ = full.Close() })
	address := inner.Addr().String()
	first := dialTCP(t, address)
	const ask = "GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
	response, _ := raw(t, first, fmt.Sprintf(ask, "/livez"))
	require.Equal(t, http.StatusOK, response.StatusCode)

	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/health": 503, "/": 503, "/nowhere": 503, "/api/widget/config": 503} {
		conn := dialTCP(t, address)
		response, body := raw(t, conn, fmt.Sprintf(ask, path))
		require.NoError(t, conn.Close())
		if want == http.StatusServiceUnavailable {
			require.Equal(t, "too_many_connections", body["code"], path)
			require.NotEmpty(t, response.Header.Get("Retry-After"))
		}
		require.Equal(t, want, response.StatusCode, path)
		require.True(t, response.Close, "%s: the connection ends", path)
	}
	response, _ = raw(t, first, fmt.Sprintf(ask, "/health"))
	require.Equal(t, http.StatusOK, response.StatusCode, "those who were there first notice nothing")
}

// TestIgnoredBodies: a body where none is expected does no harm.
func TestIgnoredBodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	response, body := raw(t, dialTCP(t, b.http.URL), "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "ok", body["status"])
	response, body = raw(t, dialTCP(t, b.http.URL), "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"+strings.Repeat("x", 100_000))
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	require.Equal(t, "body_too_large", body["code"])
}
