package temporal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/chatconnect/chatconnect/temporal/dynamicconfig"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/temporal"
)

// Options say where the server keeps its state and where it listens.
type Options struct {
	// Dir holds the database. It is created if missing, and must belong to
	// one running server at a time; the caller sees to that with a lock.
	Dir string
	// Port of the frontend (the address clients dial) on 127.0.0.1; 0 picks a
	// free one. A restart may use other ports than the last run.
	Port int
	// UIPort is where the web UI listens on 127.0.0.1; 0 picks a free one,
	// and a negative value leaves the UI out.
	UIPort int
	// Namespace is created if missing; "default" if empty.
	Namespace string
	// Retention of finished workflows, 72 hours if 0. It is set when the
	// namespace is created and left alone afterwards.
	Retention time.Duration
	// Logger gets what the server says. Give it one that drops everything
	// below warnings: the server is talkative.
	Logger *slog.Logger
}

func (o *Options) setDefaults() {
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	if o.Retention == 0 {
		o.Retention = 72 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Server is a running Temporal server.
type Server struct {
	internal  temporal.Server
	address   string
	namespace string
	ui        *ui
	logger    *logger

	stopOnce sync.Once
	stopErr  error
}

// Start starts the server and returns once its frontend accepts requests.
// It takes about half a second, the first time with a new directory a little
// longer. ctx bounds the start only.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts.setDefaults()
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("temporal: %w", err)
	}
	// Ports are chosen before the services bind them, because the server takes
	// numbers and not listeners. Another process may come in between, rarely;
	// then other ports are tried.
	var last error
	for range 3 {
		server, err := start(ctx, opts, choosePorts)
		if err == nil {
			return server, nil
		}
		last = err
		if !errors.Is(err, errFatal) || ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("temporal: %w", last)
}

func start(ctx context.Context, opts Options, choosePorts func(frontend int) (ports, error)) (_ *Server, err error) {
	ports, err := choosePorts(opts.Port)
	if err != nil {
		return nil, err
	}
	// The UI's port is taken first, so that nothing runs yet if it can't be.
	var ui net.Listener
	if opts.UIPort >= 0 {
		if ui, err = net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(opts.UIPort))); err != nil {
			return nil, fmt.Errorf("port for the web UI: %w", err)
		}
		defer func() {
			if err != nil {
				_ = ui.Close()
			}
		}()
	}
	logger := newLogger(opts.Logger)
	cfg := serverConfig(opts.Dir, ports)
	if err = prepareDatabase(ctx, opts, cfg); err != nil {
		return nil, err
	}
	dynamic, err := loadDynamicConfig(dynamicconfig.YAML)
	if err != nil {
		return nil, err
	}

	s := &Server{address: ports.address(frontend), namespace: opts.Namespace, logger: logger}
	// A goroutine of its own, because the logger ends the calling one when the
	// server reports something fatal.
	type result struct {
		server temporal.Server
		err    error
	}
	started := make(chan result, 1)
	go func() {
		// Where the logger ends it within a sync.Once, that turns into a panic.
		defer func() {
			if p := recover(); p != nil {
				started <- result{err: fmt.Errorf("%w: %v", errFatal, p)}
			}
		}()
		server, err := temporal.NewServer(
			temporal.WithConfig(cfg),
			temporal.ForServices(temporal.DefaultServices),
			temporal.WithStaticHosts(ports.staticHosts()),
			temporal.WithDynamicConfigClient(dynamic),
			temporal.WithLogger(logger),
			temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
			temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
				return authorization.NewNoopClaimMapper()
			}),
			temporal.WithCustomMetricsHandler(metrics.NoopMetricsHandler),
		)
		if err == nil {
			err = server.Start()
		}
		started <- result{server, err}
	}()
	select {
	case r := <-started:
		s.internal, err = r.server, r.err
		select {
		case <-logger.failed:
			err = logger.failure() // says more
		default:
		}
	case <-logger.failed:
		err = logger.failure()
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		err = waitServing(ctx, s.address, s.namespace)
	}
	if err == nil && ui != nil {
		s.ui, err = startUI(ui, s.address, s.namespace, opts.Logger)
	}
	if err != nil {
		if s.internal != nil {
			go func() { _ = s.internal.Stop() }()
		}
		return nil, err
	}
	return s, nil
}

// Address is the host:port clients dial.
func (s *Server) Address() string { return s.address }

// Namespace is the one created at the start.
func (s *Server) Namespace() string { return s.namespace }

// UIURL is the address of the web UI's list of workflows, or empty without UI.
func (s *Server) UIURL() string {
	if s.ui == nil {
		return ""
	}
	return s.ui.url
}

// Failed is closed when the server has met an error it can't go on with; Err
// then says which.
func (s *Server) Failed() <-chan struct{} { return s.logger.failed }

// Err is the error Failed reported, or nil.
func (s *Server) Err() error {
	select {
	case <-s.logger.failed:
		return s.logger.failure()
	default:
		return nil
	}
}

// Stop stops the server. Workers should have stopped before, or the server
// waits a second or two for their polls to end. It returns ctx's error when
// ctx ends first; the state on disk is sound at every moment either way, so
// the process may then simply exit.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.logger.stopping.Store(true)
		if s.ui != nil {
			s.ui.stop(ctx)
		}
		stopped := make(chan error, 1)
		go func() { stopped <- s.internal.Stop() }()
		select {
		case s.stopErr = <-stopped:
		case <-ctx.Done():
			s.stopErr = ctx.Err()
		}
	})
	return s.stopErr
}
