package connlimit_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/connlimit"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][]string{
		"203.0.113.7":        {"203.0.113.7/32"},
		"::ffff:203.0.113.7": {"203.0.113.7/32"},
		"2001:db8:1:2:3::4":  {"2001:db8:1:2::/64", "2001:db8:1::/48"},
		"fe80::1%eth0":       {"fe80::/64", "fe80::/48"},
	} {
		var got []string
		for _, group := range connlimit.Groups(netip.MustParseAddr(address)) {
			got = append(got, group.String())
		}
		require.Equal(t, want, got, address)
	}
}

func TestCounter(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		address func(i int) string
		most    int
	}{
		"one IPv4 address": {func(int) string { return "203.0.113.7" }, 4},
		"one /64":          {func(i int) string { return fmt.Sprintf("2001:db8:1:2::%x", i+1) }, 4},
		"one /48":          {func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i+1) }, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counter := connlimit.NewCounter(4)
			var releases []func()
			for i := range 20 {
				release, taken := counter.Take(netip.MustParseAddr(test.address(i)))
				require.Equal(t, i < test.most, taken, i)
				if taken {
					releases = append(releases, release)
				}
			}
			_, taken := counter.Take(netip.MustParseAddr("198.51.100.1"))
			require.True(t, taken, "others are not limited by it")
			for _, release := range releases {
				release()
			}
			_, taken = counter.Take(netip.MustParseAddr(test.address(0)))
			require.True(t, taken)
		})
	}
}

func TestParsePrefixes(t *testing.T) {
	t.Parallel()
	prefixes, err := connlimit.ParsePrefixes([]string{"127.0.0.1", "::1", "10.0.0.0/8"})
	require.NoError(t, err)
	require.Equal(t, "[127.0.0.1/32 ::1/128 10.0.0.0/8]", fmt.Sprint(prefixes))
	for _, bad := range []string{"localhost", "10.0.0.0/99", ""} {
		_, err := connlimit.ParsePrefixes([]string{bad})
		require.Error(t, err, bad)
	}
}

// server is one with limits, that answers where its connection came from.
type server struct {
	address string
	mu      sync.Mutex
	refused []string
	open    int
}

func serve(t *testing.T, options connlimit.Options, handler http.Handler) *server {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{address: inner.Addr().String()}
	options.OnRefused = func(reason string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refused = append(s.refused, reason)
	}
	options.OnOpen = func(change int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open += change
	}
	web := &http.Server{Handler: handler, ConnContext: connlimit.ConnContext, ReadHeaderTimeout: time.Minute}
	go func() { _ = web.Serve(connlimit.NewListener(inner, options)) }()
	t.Cleanup(func() { _ = web.Close() })
	return s
}

func (s *server) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	return conn
}

// askAnew does so on a new connection, which may be refused before it is dialled.
func (s *server) askAnew(t *testing.T) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return ""
	}
	defer conn.Close()
	return ask(conn)
}

// ask sends a request and returns the answer's body, "" if there was none.
func ask(conn net.Conn) string {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return ""
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

var reserved = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "reserve %t", connlimit.OnReserve(r.Context()))
})

func TestConnectionsOfAnAddress(t *testing.T) {
	t.Parallel()
	s := serve(t, connlimit.Options{Total: 100, PerAddress: 3}, reserved)
	held := []net.Conn{s.dial(t), s.dial(t), s.dial(t)}
	for _, conn := range held {
		require.Equal(t, "reserve false", ask(conn))
	}
	require.Empty(t, s.askAnew(t), "refused at once")
	require.NoError(t, held[0].Close())
	require.Eventually(t, func() bool { return s.askAnew(t) != "" }, time.Minute, time.Millisecond, "a place is free again")
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, connlimit.RefusedAddress, s.refused[0])
}

func TestProxiesAreExempt(t *testing.T) {
	t.Parallel()
	s := serve(t, connlimit.Options{Total: 100, PerAddress: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, reserved)
	for range 10 {
		require.Equal(t, "reserve false", s.askAnew(t))
	}
}

// TestReserve: beyond the most some connections are accepted for probes. They
// end soon, whatever comes on them, and beyond those all are refused.
func TestReserve(t *testing.T) {
	t.Parallel()
	s := serve(t, connlimit.Options{Total: 2}, reserved)
	held := []net.Conn{s.dial(t), s.dial(t)}
	require.Equal(t, "reserve false", ask(held[0]))
	require.Equal(t, "reserve false", ask(held[1]))
	silent := s.dial(t)
	require.Equal(t, "reserve true", s.askAnew(t))
	_, err := silent.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server closed it")

	for range 40 { // all of the reserve, and more
		if conn, err := net.Dial("tcp", s.address); err == nil {
			t.Cleanup(func() { _ = conn.Close() })
		}
	}
	require.Empty(t, s.askAnew(t))
	s.mu.Lock()
	require.Contains(t, s.refused, connlimit.RefusedTotal)
	s.mu.Unlock()
	require.Eventually(t, func() bool { return s.askAnew(t) == "reserve true" }, time.Minute, 10*time.Millisecond, "the reserve empties by itself")
	require.Equal(t, "reserve false", ask(held[0]), "what was there before goes on")
	require.NoError(t, held[0].Close())
	require.NoError(t, held[1].Close())
	require.Eventually(t, func() bool { return s.askAnew(t) == "reserve false" }, time.Minute, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.open <= 2
	}, time.Minute, time.Millisecond)
}

// TestBoundEndsUnreadBodies: net/http reads what a handler leaves, and would
// wait for ever for what does not come.
func TestBoundEndsUnreadBodies(t *testing.T) {
	t.Parallel()
	short := func() connlimit.Timeouts {
		return connlimit.Timeouts{Body: 100 * time.Millisecond, Write: time.Minute}
	}
	s := serve(t, connlimit.Options{Total: 10}, connlimit.Bound(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "never asked for it")
	}), short))
	for _, fields := range []string{"Content-Length: 10", "Transfer-Encoding: chunked"} {
		conn := s.dial(t)
		_, err := fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", fields)
		require.NoError(t, err)
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Contains(t, string(answer), "never asked for it")
		require.Contains(t, string(answer), "Connection: close")
	}
}

// TestBoundLeavesAnswersAlone: the deadline of a body that is there must not
// end the answer, and is none for the next request.
func TestBoundLeavesAnswersAlone(t *testing.T) {
	t.Parallel()
	short := func() connlimit.Timeouts {
		return connlimit.Timeouts{Body: 100 * time.Millisecond, Write: time.Minute}
	}
	s := serve(t, connlimit.Options{Total: 10}, connlimit.Bound(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		late, cancel := context.WithTimeout(r.Context(), 300*time.Millisecond)
		defer cancel()
		<-late.Done()
		fmt.Fprint(w, r.Context().Err())
	}), short))
	conn := s.dial(t)
	reader := bufio.NewReader(conn)
	for range 2 {
		_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
		require.NoError(t, err)
		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, "<nil>", string(body))
	}
}
