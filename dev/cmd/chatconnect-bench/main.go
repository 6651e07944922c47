// Command chatconnect-bench measures ChatConnect on the embedded stack, on
// this machine, in one run. Its figures are for comparing two commits or two
// set-ups of one machine, not machines.
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
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "chatconnect-bench:", err)
		os.Exit(1) //nolint:gocritic // stop only undoes signal handling
	}
}

func run(ctx context.Context) error {
	home, err := os.MkdirTemp("", "chatconnect-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(home) }()
	models := fakemodel.New(fakemodel.WithCapture(0))
	provider := httptest.NewServer(models)
	defer provider.Close()
	defer models.Close()

	surroundings, err := stack.Start(ctx, stack.Options{Home: home, WithoutUI: true, Environ: []string{
		"PATH=" + os.Getenv("PATH"), "PORT=0", "METRICS_ADDR=off", "LOG_LEVEL=error",
		"OPENAI_API_KEY=bench", "OPENAI_BASE_URL=" + provider.URL + "/v1", "EMBEDDING_DIMENSIONS=256",
	}})
	if err != nil {
		return err
	}
	defer func() { _ = surroundings.Stop(context.WithoutCancel(ctx)) }()

	fmt.Println("| set-up | users | chats | POST to model request, p50 | p99 | POST to end, p50 | chats/s |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, setup := range []struct {
		name  string
		roles []app.Roles
	}{
		{"serve (eager start)", []app.Roles{{API: true, Worker: true}}},
		{"api + separate worker", []app.Roles{{API: true}, {Worker: true}}},
	} {
		if err := measure(ctx, surroundings, setup.name, setup.roles, models); err != nil {
			return fmt.Errorf("%s: %w", setup.name, err)
		}
	}
	return nil
}

// measure runs the set-up's apps and puts load on them.
func measure(ctx context.Context, surroundings *stack.Stack, name string, roles []app.Roles, models *fakemodel.Server) error {
	settings, err := config.Load(surroundings.Environ())
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(ctx)
	var url string
	ended := make(chan error, len(roles))
	for _, role := range roles {
		a, err := app.New(ctx, settings, app.Options{Roles: role, Migrate: true, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			cancel()
			return err
		}
		go func() { ended <- a.Run(running) }()
		<-a.Ready()
		if role.API {
			url = a.URL()
		}
	}
	defer func() {
		cancel()
		for range roles {
			err = errors.Join(err, <-ended)
		}
	}()
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
	return err
}
