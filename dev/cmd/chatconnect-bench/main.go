// Command chatconnect-bench measures ChatConnect on the embedded stack, on
// this machine, in one run. Its figures are for comparing two commits or two
// set-ups of one machine, not machines.
//
//	chatconnect-bench          answers: POST to model request, chats a second
//	chatconnect-bench ingest   documents: a large one, fairness, throughput, memory
//
// -only latency measures nothing but one user's way to the model in serve, for
// comparing two versions of it; -cpuprofile writes where the time went.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"runtime/pprof"
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
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "chatconnect-bench:", err)
		os.Exit(1) //nolint:gocritic // stop only undoes signal handling
	}
}

func run(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("chatconnect-bench", flag.ContinueOnError)
	only := flags.String("only", "", "measure only this part: latency")
	profile := flags.String("cpuprofile", "", "write a CPU profile of this process, which is everything but PostgreSQL, to this file")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	bench, err := choose(flags.Arg(0), *only)
	if err != nil {
		return err
	}
	if *profile == "" {
		return bench(ctx)
	}
	return profiled(*profile, func() error { return bench(ctx) })
}

func choose(command, only string) (bench func(context.Context) error, err error) {
	switch command + only {
	case "":
		return benchChats, nil
	case "latency":
		return benchLatency, nil
	case "ingest":
		return benchIngestion, nil
	case workerCommand: // the bench starts itself so
		return runWorker, nil
	}
	return nil, fmt.Errorf("no bench %q", command+only)
}

// profiled runs bench with a CPU profile that is written to path.
func profiled(path string, bench func() error) (err error) {
	f, err := os.Create(path) //nolint:gosec // the caller's own file
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return bench()
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

// setup is one way to run the product.
type setup struct {
	name  string
	roles []app.Roles
}

var (
	serve    = setup{"serve (eager start)", []app.Roles{{API: true, Worker: true}}}
	separate = setup{"api + separate worker", []app.Roles{{API: true}, {Worker: true}}}
)

func benchChats(ctx context.Context) error {
	return chats(ctx, []setup{serve, separate}, 1, 50)
}

func benchLatency(ctx context.Context) error { return chats(ctx, []setup{serve}, 1) }

// chats has each number of users ask in each set-up.
func chats(ctx context.Context, setups []setup, users ...int) error {
	fmt.Println(machine())
	models := fakemodel.New(fakemodel.WithCapture(0))
	defer models.Close()
	return surround(ctx, models, func(ctx context.Context, surroundings *stack.Stack) error {
		fmt.Println("| set-up | users | chats | POST to model request, p50 | p99 | POST to end, p50 | chats/s |")
		fmt.Println("|---|---|---|---|---|---|---|")
		for _, setup := range setups {
			if err := measureChats(ctx, surroundings, setup, users, models); err != nil {
				return fmt.Errorf("%s: %w", setup.name, err)
			}
		}
		return nil
	})
}

// measureChats runs the set-up's apps and puts load on them.
func measureChats(ctx context.Context, surroundings *stack.Stack, setup setup, users []int, models *fakemodel.Server) (err error) {
	settings, err := config.Load(surroundings.Environ())
	if err != nil {
		return err
	}
	url, stop, err := start(ctx, settings, setup.roles...)
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
	for _, users := range users {
		result, err := load.run(ctx, users, 300)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %d | %d | %s | %s | %s | %.0f |\n", setup.name, users, result.chats,
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
