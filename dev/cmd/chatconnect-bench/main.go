// Command chatconnect-bench measures ChatConnect on the embedded stack, on
// this machine, in one run. Its figures are for comparing two commits or two
// set-ups of one machine, not machines.
//
//	chatconnect-bench          answers: POST to model request, chats a second
//	chatconnect-bench ingest   documents: a large one, fairness, throughput, memory
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strconv"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/document"
)

func main() {
	document.RunChildIfAsked()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := benchChats
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "ingest":
			run = benchIngestion
		case workerCommand: // the bench starts itself so
			run = runWorker
		default:
			run = func(context.Context) error { return fmt.Errorf("no bench %q", os.Args[1]) }
		}
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "chatconnect-bench:", err)
		os.Exit(1) //nolint:gocritic // stop only undoes signal handling
	}
}

// dimensions of the embeddings, in all benches.
const dimensions = 256

// surround starts a provider and the embedded stack around it, and passes the
// stack to measure.
func surround(ctx context.Context, provider http.Handler, measure func(context.Context, *stack.Stack) error) error {
	home, err := os.MkdirTemp("", "chatconnect-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(home) }()
	models := httptest.NewServer(provider)
	defer models.Close()

	surroundings, err := stack.Start(ctx, stack.Options{Home: home, WithoutUI: true, Environ: []string{
		"PATH=" + os.Getenv("PATH"), "PORT=0", "METRICS_ADDR=off", "LOG_LEVEL=error",
		"OPENAI_API_KEY=bench", "OPENAI_BASE_URL=" + models.URL + "/v1", "EMBEDDING_DIMENSIONS=" + strconv.Itoa(dimensions),
	}})
	if err != nil {
		return err
	}
	defer func() { _ = surroundings.Stop(context.WithoutCancel(ctx)) }()
	return measure(ctx, surroundings)
}

func benchChats(ctx context.Context) error {
	models := fakemodel.New(fakemodel.WithCapture(0))
	defer models.Close()
	return surround(ctx, models, func(ctx context.Context, surroundings *stack.Stack) error {
		fmt.Println("| set-up | users | chats | POST to model request, p50 | p99 | POST to end, p50 | chats/s |")
		fmt.Println("|---|---|---|---|---|---|---|")
		for _, setup := range []struct {
			name  string
			roles []app.Roles
		}{
			{"serve (eager start)", []app.Roles{{API: true, Worker: true}}},
			{"api + separate worker", []app.Roles{{API: true}, {Worker: true}}},
		} {
			if err := measureChats(ctx, surroundings, setup.name, setup.roles, models); err != nil {
				return fmt.Errorf("%s: %w", setup.name, err)
			}
		}
		return nil
	})
}

// measureChats runs the set-up's apps and puts load on them.
func measureChats(ctx context.Context, surroundings *stack.Stack, name string, roles []app.Roles, models *fakemodel.Server) (err error) {
	settings, err := config.Load(surroundings.Environ())
	if err != nil {
		return err
	}
	url, stop, err := start(ctx, settings, roles...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	load, err := newLoad(ctx, url, models, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}})
	if err != nil {
		return err
	}
	if _, err := load.run(ctx, 1, 50); err != nil { // warm: caches, prepared statements, sticky queues
		return err
	}
	for _, users := range []int{1, 50} {
		result, err := load.run(ctx, users, 300)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %d | %d | %s | %s | %s | %.0f |\n", name, users, result.chats,
			ms(result.toModel, .5), ms(result.toModel, .99), ms(result.toEnd, .5), result.perSecond)
	}
	return nil
}

// start runs an app for each of the roles in this process. url is the API's,
// if there is one; stop ends all of them.
func start(ctx context.Context, settings config.Config, roles ...app.Roles) (url string, stop func() error, err error) {
	running, cancel := context.WithCancel(ctx)
	started := 0
	ended := make(chan error, len(roles))
	stop = func() (err error) {
		cancel()
		for range started {
			err = errors.Join(err, <-ended)
		}
		return err
	}
	for _, role := range roles {
		a, err := app.New(ctx, settings, app.Options{Roles: role, Migrate: true, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return "", nil, errors.Join(err, stop())
		}
		started++
		failed := make(chan struct{})
		go func() {
			err := a.Run(running)
			close(failed)
			ended <- err
		}()
		select {
		case <-a.Ready():
		case <-failed:
			return "", nil, errors.Join(errors.New("the app ended"), stop())
		}
		if role.API {
			url = a.URL()
		}
	}
	return url, stop, nil
}
