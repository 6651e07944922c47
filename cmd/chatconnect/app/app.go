package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/health"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/internal/vector"
	"github.com/chatconnect/chatconnect/worker"
)

// Roles are the parts a process plays.
type Roles struct{ API, Worker bool }

// Options are what the settings don't say.
type Options struct {
	Roles   Roles
	Migrate bool // bring the schema up to date before starting
	Logger  *slog.Logger
	// AdjustWorker, if set, changes the worker before it starts. It is there
	// for tests that kill a worker at a certain step.
	AdjustWorker func(*worker.Options)
}

// App is one process of ChatConnect. Create it with New and call Run once.
type App struct {
	config  config.Config
	options Options
	logger  *slog.Logger
	metrics *telemetry.Metrics
	health  *health.Monitor

	adapters
	api    *api.Server    // nil without the role
	worker *worker.Worker // nil without the role

	http            *endpoint
	metricsEndpoint *endpoint
	ready           chan struct{} // closed once everything has started
	closeTracing    func(context.Context) error
}

// New opens what the process needs and binds its ports. Dependencies that are
// down at this moment are no error: the process starts, says that it is not
// ready, and serves as soon as they are back. Only the database is waited for
// if Migrate is set.
func New(ctx context.Context, settings config.Config, options Options) (*App, error) {
	require := settings.RequireWorker
	if options.Roles.API {
		require = settings.RequireAPI
	}
	if err := require(); err != nil {
		return nil, err
	}
	if err := vector.CheckProtocol(ctx, settings.QdrantURL); err != nil {
		return nil, err
	}
	if options.Migrate {
		if err := Migrate(ctx, settings); err != nil {
			return nil, err
		}
	}
	a := &App{
		config: settings, options: options, logger: options.Logger,
		metrics: telemetry.NewMetrics(), ready: make(chan struct{}),
	}
	var err error
	if a.closeTracing, err = telemetry.SetupTracing(ctx, Version()); err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := a.compose(); err != nil {
		return nil, errors.Join(err, a.close())
	}
	if err := a.listen(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// Ready is closed once the process listens and, with the worker's role, polls.
func (a *App) Ready() <-chan struct{} { return a.ready }

// URL is where the API listens, http://localhost:5000 for instance.
func (a *App) URL() string {
	if a.http == nil {
		return ""
	}
	return a.http.url()
}

// MetricsURL is where Prometheus finds the metrics, empty if they are off.
func (a *App) MetricsURL() string {
	if a.metricsEndpoint == nil {
		return ""
	}
	return a.metricsEndpoint.url() + "/metrics"
}

// Notice says in a sentence which models answer.
func (a *App) Notice() string { return a.notice }

// Run serves until ctx ends and then stops gracefully: readiness goes off,
// streams are told to reconnect, running activities may finish. It returns
// nil after a graceful stop.
func (a *App) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	for _, e := range []*endpoint{a.http, a.metricsEndpoint} {
		if e != nil {
			group.Go(e.serve)
		}
	}
	if a.worker != nil {
		// The first PDF after an installation would wait seconds for the
		// engine to compile; nothing else depends on this.
		group.Go(func() error {
			if _, err := a.parser.Confinement(running); err != nil && running.Err() == nil {
				a.logger.WarnContext(ctx, "parser sandbox not tried", "error", err)
			}
			if err := a.parser.Warm(running); err != nil && running.Err() == nil {
				a.logger.WarnContext(ctx, "PDF engine not warmed up", "error", err)
			}
			return nil
		})
	}
	group.Go(func() error { a.forgetPurgedClients(running); return nil })
	if a.api != nil {
		group.Go(func() error { a.warnOfFirstAccount(running); return nil })
	}
	workerStarted := false
	group.Go(func() error {
		if a.worker != nil {
			if err := a.startWorker(running); err != nil {
				return err
			}
			workerStarted = true
		}
		close(a.ready)
		a.logger.InfoContext(ctx, "ready", "url", a.URL(), "metrics", a.MetricsURL(), "version", Version(), "models", a.notice)
		return nil
	})
	<-running.Done()
	a.logger.InfoContext(ctx, "stopping")
	err := a.shutdown()
	err = errors.Join(group.Wait(), err)
	if workerStarted {
		a.worker.Stop()
	}
	err = errors.Join(err, a.close())
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was asked to stop while it waited for a dependency
	}
	return err
}

// startWorker waits for Temporal for as long as it takes.
func (a *App) startWorker(ctx context.Context) error {
	wait := 100 * time.Millisecond
	for {
		err := a.worker.Start(ctx)
		if err == nil {
			return nil
		}
		a.logger.WarnContext(ctx, "worker not started yet", "error", err, "retry_in", wait)
		select {
		case <-time.After(wait):
			wait = min(2*wait, 5*time.Second)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// shutdown ends the endpoints. It has a context of its own, because the one
// that Run was given has ended.
func (a *App) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), a.config.ShutdownTimeout)
	defer cancel()
	if a.api != nil {
		a.api.Drain()
	}
	var err error
	for _, e := range []*endpoint{a.http, a.metricsEndpoint} {
		if e != nil {
			err = errors.Join(err, e.shutdown(ctx))
		}
	}
	return err
}
