package develop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/redisconn"
)

// Times things may take. A first start creates a database; a stop gives the
// app SHUTDOWN_TIMEOUT, which is short here because nothing is lost by a kill.
const (
	startTimeout    = 2 * time.Minute // a download of PostgreSQL included
	readyTimeout    = time.Minute
	stopTimeout     = 30 * time.Second // Ctrl-C once more stops at once
	shutdownTimeout = "3s"
)

// develop runs the stack and the app in it until ctx ends or one of them fails.
func develop(ctx context.Context, o options, environ []string, stdout, stderr io.Writer) (err error) {
	began := time.Now()
	if _, err := config.Load(environ); err != nil {
		return err // before anything starts
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	surroundings, err := stack.Start(starting, stack.Options{
		Home: o.home, Environ: withDefault(environ, "SHUTDOWN_TIMEOUT", shutdownTimeout), Ports: o.ports,
		Notify: func(sentence string) { fmt.Fprintln(stdout, sentence) },
	})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err = errors.Join(err, surroundings.Stop(stopping))
	}()
	settings, err := config.Load(surroundings.Environ())
	if err != nil {
		return err
	}
	logs, err := openLogs(filepath.Join(surroundings.Home(), "logs", "app.jsonl"), settings.LogLevel, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logs.close()) }()
	appOptions := app.Options{Roles: app.Roles{API: true, Worker: true}, Migrate: true, Logger: logs.logger}
	redisconn.LogTo(logs.logger)
	a, err := app.New(starting, settings, appOptions)
	if errors.Is(err, syscall.EADDRINUSE) && !has(environ, "METRICS_ADDR") {
		// A second stack on this machine: its metrics go elsewhere. If it was
		// the app's own port, the same error comes again.
		settings.MetricsAddr = "127.0.0.1:0"
		a, err = app.New(starting, settings, appOptions)
	}
	if err != nil {
		return unlessStopped(ctx, err)
	}

	running, stopApp := context.WithCancel(context.WithoutCancel(ctx))
	defer stopApp()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	defer func() { // whatever happens, the app stops before its surroundings
		logs.quiet()
		stopApp()
		err = errors.Join(err, <-ended)
	}()

	ready := make(chan error, 1)
	go func() { ready <- awaitReady(ctx, a) }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			ended <- nil
			return fmt.Errorf("the app has ended: %w", err)
		case <-surroundings.Failed():
			return surroundings.Err()
		case err := <-ready:
			if err != nil {
				return unlessStopped(ctx, err)
			}
			ready = nil
			public := cmp.Or(settings.PublicURL, a.URL()) // the only name it answers to
			account := demoAccount(ctx, o, a.URL(), public, settings.Host, surroundings.Home(), logs.logger)
			printScreen(stdout, screen{
				app: public, temporalUI: surroundings.TemporalUIURL(), metrics: a.MetricsURL(), models: a.Notice(),
				home: surroundings.Home(), account: account, took: time.Since(began),
			})
		}
	}
}

// awaitReady returns when the app says that it can serve.
func awaitReady(ctx context.Context, a *app.App) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	select {
	case <-a.Ready():
	case <-ctx.Done():
		return fmt.Errorf("the app did not start: %w", ctx.Err())
	}
	retry := time.NewTicker(25 * time.Millisecond)
	defer retry.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL()+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(response.Status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the app did not become ready: %w", err)
		case <-retry.C:
		}
	}
}

// unlessStopped hides what failed only because Ctrl-C came in between.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// explain adds what to do to errors people meet.
func explain(err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return err.Error() + " (another program has this port: set PORT, or METRICS_ADDR, to another one)"
	}
	return err.Error()
}
