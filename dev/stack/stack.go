package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatconnect/chatconnect/dev/redis"
	"github.com/chatconnect/chatconnect/dev/temporal"
	"github.com/chatconnect/chatconnect/internal/pgserver"
)

// Options say where the stack lives and what it need not start.
type Options struct {
	// Home keeps all state, and is created if missing.
	Home string
	// Environ is the environment to complete ("NAME=value"). Parts it names by
	// DATABASE_URL, REDIS_URL, QDRANT_URL or TEMPORAL_ADDRESS are not started.
	Environ []string
	// Ports wanted on loopback; the zero value takes free ones.
	Ports Ports
	// WithoutUI leaves Temporal's web UI out.
	WithoutUI bool
	// Unsafe trades durability after a machine's crash for speed: for tests.
	Unsafe bool
	// Logger gets warnings of the parts; a file in Home/logs if nil.
	Logger *slog.Logger
	// Notify is told, in a sentence, about what takes long (a download).
	Notify func(string)
}

// Stack is the running surroundings of the app.
type Stack struct {
	// Parts are those that were started, in the order they were needed.
	Parts []Part

	env      environ
	home     *home
	postgres *pgserver.Server
	redis    *redis.Server
	qdrant   *qdrantServer
	temporal *temporal.Server

	closeLog func() error
	failed   chan struct{}
	failure  error
	stopping chan struct{}
	stopOnce sync.Once
	stopErr  error
}

// Part is one embedded server.
type Part struct {
	Name    string
	Address string // as its setting has it
	Took    time.Duration
}

// Start starts what the environment doesn't name, all at the same time, and
// returns when everything answers: a second or so. It refuses a Home that
// another process uses with a RunningError. ctx bounds the start only.
func Start(ctx context.Context, opts Options) (_ *Stack, err error) {
	home, err := openHome(opts.Home)
	if err != nil {
		return nil, err
	}
	s := &Stack{
		env: parseEnviron(opts.Environ), home: home, closeLog: func() error { return nil },
		failed: make(chan struct{}), stopping: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			err = errors.Join(err, s.Stop(ctx))
		}
	}()
	if opts.Notify == nil {
		opts.Notify = func(string) {}
	}
	if opts.Logger == nil {
		if opts.Logger, s.closeLog, err = openLog(home.path("logs", "stack.jsonl")); err != nil {
			return nil, err
		}
	}
	if err := s.complete(); err != nil {
		return nil, err
	}
	if err := s.start(ctx, opts); err != nil {
		return nil, err
	}
	go s.watch()
	return s, nil
}

// complete gives settings that are not about servers their values.
func (s *Stack) complete() error {
	for _, name := range []string{"SESSION_SECRET", "INTERNAL_API_SECRET"} {
		if s.env.names(name) {
			continue
		}
		value, err := s.home.secret(name)
		if err != nil {
			return err
		}
		s.env[name] = value
	}
	s.env.setDefault("UPLOAD_DIR", s.home.path("uploads"))
	s.env.setDefault("HOST", loopback)
	s.env.setDefault("REGISTRATION", "open") // it is for one person, or for tests
	return nil
}

// start starts the parts side by side.
func (s *Stack) start(ctx context.Context, opts Options) error {
	type starter struct {
		name, setting string
		start         func(context.Context) (address string, err error)
	}
	starters := []starter{
		{"PostgreSQL", "DATABASE_URL", func(ctx context.Context) (_ string, err error) {
			if s.postgres, err = startPostgres(ctx, s.home.path("postgres"), opts.Unsafe, opts.Logger, opts.Notify); err != nil {
				return "", err
			}
			return s.postgres.RuntimeURL(databaseName), nil
		}},
		{"Temporal", "TEMPORAL_ADDRESS", func(ctx context.Context) (_ string, err error) {
			options := temporal.Options{Dir: s.home.path("temporal"), Logger: opts.Logger, Namespace: s.env["TEMPORAL_NAMESPACE"]}
			s.temporal, err = withPorts([]int{opts.Ports.Temporal, opts.Ports.TemporalUI}, func(ports []int) (*temporal.Server, error) {
				options.Port, options.UIPort = ports[0], ports[1]
				if opts.WithoutUI {
					options.UIPort = -1
				}
				return temporal.Start(ctx, options)
			})
			if err != nil {
				return "", err
			}
			return s.temporal.Address(), nil
		}},
		{"Qdrant", "QDRANT_URL", func(context.Context) (_ string, err error) {
			s.qdrant, err = withPorts([]int{opts.Ports.Qdrant}, func(ports []int) (*qdrantServer, error) {
				return startQdrant(s.home.path("qdrant"), ports[0], opts.Logger)
			})
			if err != nil {
				return "", err
			}
			return s.qdrant.url, nil
		}},
		{"Redis", "REDIS_URL", func(context.Context) (_ string, err error) {
			s.redis, err = withPorts([]int{opts.Ports.Redis}, func(ports []int) (*redis.Server, error) {
				return redis.Start(redis.Options{Dir: s.home.path("redis"), Port: ports[0], Logger: opts.Logger})
			})
			if err != nil {
				return "", err
			}
			return s.redis.URL(), nil
		}},
	}
	var needed []starter
	for _, starter := range starters {
		if !s.env.names(starter.setting) {
			needed = append(needed, starter)
		}
	}
	parts := make([]Part, len(needed))
	group, ctx := errgroup.WithContext(ctx)
	for i, starter := range needed {
		group.Go(func() error {
			began := time.Now()
			address, err := starter.start(ctx)
			parts[i] = Part{Name: starter.name, Address: address, Took: time.Since(began)}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.Parts = parts
	for i, starter := range needed {
		s.env[starter.setting] = parts[i].Address
	}
	if s.postgres != nil {
		s.env["MIGRATE_DATABASE_URL"] = s.postgres.URL(databaseName)
	}
	return nil
}

// Environ is the environment for the app: the one given, completed.
func (s *Stack) Environ() []string { return s.env.pairs() }

// Settings is Environ by name.
func (s *Stack) Settings() map[string]string { return maps.Clone(s.env) }

// Home is the absolute path of the state directory.
func (s *Stack) Home() string { return s.home.dir }

// TemporalUIURL is empty when TEMPORAL_ADDRESS names another server.
func (s *Stack) TemporalUIURL() string {
	if s.temporal == nil {
		return ""
	}
	return s.temporal.UIURL()
}

// Failed is closed when a part has ended by itself; Err says which and why.
func (s *Stack) Failed() <-chan struct{} { return s.failed }

// Err is meant to be read after Failed is closed.
func (s *Stack) Err() error { return s.failure }

// watch waits for the first part to fail. A part that isn't ours has a channel
// that never closes.
func (s *Stack) watch() {
	var temporalFailed, postgresEnded <-chan struct{}
	var qdrantEnded <-chan error
	if s.temporal != nil {
		temporalFailed = s.temporal.Failed()
	}
	if s.postgres != nil {
		postgresEnded = s.postgres.Done()
	}
	if s.qdrant != nil {
		qdrantEnded = s.qdrant.served
	}
	select {
	case <-s.stopping:
		return
	case <-temporalFailed:
		s.failure = fmt.Errorf("the embedded Temporal server has failed: %w", s.temporal.Err())
	case <-postgresEnded:
		s.failure = fmt.Errorf("the embedded PostgreSQL has ended unexpectedly; see %s", s.postgres.DataDir()+"/server.log")
	case err := <-qdrantEnded:
		s.qdrant.served <- err // for close
		s.failure = fmt.Errorf("the embedded Qdrant has ended unexpectedly: %w", err)
	}
	select {
	case <-s.stopping: // the part ended because it was told to
	default:
		close(s.failed)
	}
}

// Stop stops all parts and gives Home free. The app must have stopped before.
// When ctx ends first, what is left is abandoned: it ends with the process,
// and its state is sound.
func (s *Stack) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		close(s.stopping)
		var group errgroup.Group
		if s.temporal != nil {
			group.Go(func() error { return s.temporal.Stop(ctx) })
		}
		if s.qdrant != nil {
			group.Go(s.qdrant.close)
		}
		if s.redis != nil {
			group.Go(s.redis.Close)
		}
		if s.postgres != nil {
			group.Go(func() error { s.postgres.Stop(); return nil })
		}
		done := make(chan error, 1)
		go func() { done <- group.Wait() }()
		select {
		case s.stopErr = <-done:
		case <-ctx.Done():
			s.stopErr = ctx.Err()
		}
		s.stopErr = errors.Join(s.stopErr, s.closeLog(), s.home.close())
	})
	return s.stopErr
}
