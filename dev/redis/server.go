// Package redis runs an in-memory Redis (miniredis) on a loopback port for
// `make dev` and the end-to-end tests. Production uses a real Redis, and so
// does the dev stack when REDIS_URL names one.
//
// Two things are added to miniredis: time passes, and small values survive a
// restart, so that people stay logged in. What survives is what was written
// more than a few seconds before a kill; streams, lists and large values do
// not, as befits a cache.
package redis

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

const (
	clockTick        = 250 * time.Millisecond // how much too early a key may expire, and how late
	snapshotInterval = 2 * time.Second        // how much a kill may lose
)

// Options say where the server listens and keeps its snapshot.
type Options struct {
	Dir    string // for the snapshot; nothing is kept if empty
	Port   int    // on 127.0.0.1; 0 picks a free one
	Logger *slog.Logger
}

// Server is a running Redis.
type Server struct {
	redis  *miniredis.Miniredis
	file   string // of the snapshot, or empty
	logger *slog.Logger
	done   chan struct{}
	wg     sync.WaitGroup
	once   sync.Once
	err    error
}

// Start starts a server with what the last one on the directory left.
func Start(opts Options) (*Server, error) {
	s := &Server{redis: miniredis.NewMiniRedis(), logger: opts.Logger, done: make(chan struct{})}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if opts.Dir != "" {
		if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
		s.file = filepath.Join(opts.Dir, "snapshot.json")
		if err := s.load(); err != nil {
			// A cache that can't be read is an empty cache.
			s.logger.Warn("the Redis snapshot can't be read; starting empty", "error", err)
		}
	}
	if err := s.redis.StartAddr(net.JoinHostPort("127.0.0.1", strconv.Itoa(opts.Port))); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	s.wg.Go(s.clock)
	if s.file != "" {
		s.wg.Go(s.snapshots)
	}
	return s, nil
}

// URL is what REDIS_URL takes.
func (s *Server) URL() string { return "redis://" + s.redis.Addr() + "/0" }

// Close saves a last snapshot and stops.
func (s *Server) Close() error {
	s.once.Do(func() {
		close(s.done)
		s.wg.Wait()
		s.redis.Close()
		if s.file != "" {
			s.err = s.save(s.take())
		}
	})
	return s.err
}

// clock makes time pass: miniredis, made for tests, expires keys only when
// told how much of it has.
func (s *Server) clock() {
	ticker := time.NewTicker(clockTick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-s.done:
			return
		case <-ticker.C:
			now := time.Now()
			s.redis.FastForward(now.Sub(last))
			last = now
		}
	}
}

func (s *Server) snapshots() {
	ticker := time.NewTicker(snapshotInterval)
	defer ticker.Stop()
	var saved snapshot
	for {
		select {
		case <-s.done:
			return
		case <-ticker.C:
			current := s.take()
			if current.equal(saved) {
				continue
			}
			if err := s.save(current); err != nil {
				if !errors.Is(err, os.ErrNotExist) { // the directory was removed under a test
					s.logger.Warn("the Redis snapshot can't be written", "error", err)
				}
				continue
			}
			saved = current
		}
	}
}
