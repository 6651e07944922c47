package redistest

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/chatconnect/chatconnect/internal/redisconn"
)

// patience is with servers that do answer, on a machine that is busy.
const patience = time.Minute

// Server is a Redis of one test's own.
type Server struct {
	Network, Addr string // "tcp" or "unix"
	Real          bool   // redis-server, not miniredis

	mini *miniredis.Miniredis
	real *process
}

// Each runs f as a subtest on every server there is, in parallel.
func Each(t *testing.T, f func(t *testing.T, client redis.UniversalClient)) {
	t.Helper()
	EachServer(t, func(t *testing.T, s *Server) { f(t, s.Client(t)) })
}

// EachServer is Each for tests that stop the server or cut its connections.
func EachServer(t *testing.T, f func(t *testing.T, s *Server)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		f(t, Mini(t))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		f(t, Real(t))
	})
}

// Mini starts a miniredis, which ends with the test.
func Mini(t testing.TB) *Server {
	t.Helper()
	m := miniredis.RunT(t)
	return &Server{Network: "tcp", Addr: m.Addr(), mini: m}
}

// Real starts a redis-server, which ends with the test, or with this process
// if that is killed. It skips the test if the machine has none.
func Real(t testing.TB) *Server {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server on PATH")
	}
	p := &process{binary: binary, dir: socketDir(t)}
	p.start(t)
	t.Cleanup(p.kill)
	return &Server{Network: "unix", Addr: p.socket(), Real: true, real: p}
}

// Client returns a client with the options of redisconn.Open, but for its
// patience, which is closed with the test. How soon a silent Redis is given up
// is what a test says with the timeouts of what it tests: two seconds of the
// client's own, after which it sends a command again, pass on a busy machine
// without anything being wrong.
func (s *Server) Client(t testing.TB) *redis.Client {
	t.Helper()
	return newClient(t, s.Network, s.Addr)
}

// Stop ends the server as a crash would. Its data are lost, as nothing is on
// disk.
func (s *Server) Stop() {
	if s.Real {
		s.real.kill()
		return
	}
	s.mini.Close()
	s.mini.FlushAll()
}

// Start starts a stopped server at the same address, empty.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if s.Real {
		s.real.start(t)
		return
	}
	if err := s.mini.Restart(); err != nil {
		t.Fatalf("restart miniredis: %v", err)
	}
}

// Expire lets d pass for keys with a lifetime. miniredis has a clock of its
// own; a real server makes the test wait.
func (s *Server) Expire(d time.Duration) {
	if s.Real {
		time.Sleep(d)
		return
	}
	s.mini.FastForward(d)
}

func newClient(t testing.TB, network, addr string) *redis.Client {
	t.Helper()
	options := redisconn.Defaults(&redis.Options{Network: network, Addr: addr})
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = patience, patience, patience
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// waitUntilUp returns once the server answers.
func waitUntilUp(t testing.TB, network, addr string) {
	t.Helper()
	client := redis.NewClient(redisconn.Defaults(&redis.Options{Network: network, Addr: addr}))
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := client.Ping(ctx).Err()
		if err == nil {
			return
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("redis at %s does not answer: %v", addr, err)
		}
	}
}
