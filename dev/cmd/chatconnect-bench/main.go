// Command chatconnect-bench measures ChatConnect on the embedded stack, on
// this machine, in one run. Its figures are for comparing two commits or two
// set-ups of one machine, not machines.
//
//	chatconnect-bench          answers: POST to model request, chats a second,
//	                           lag of the relay, memory of idle streams
//	chatconnect-bench ingest   documents: a large one, fairness, throughput, memory
//
// -only measures one part of the answers: "latency" is one user in serve, for
// comparing two versions of the way to the model; "slow", which is not part of
// the whole, is what users notice of request bodies that never come.
// -cpuprofile writes where the time went. Redis is the one at REDIS_URL, or else
// a redis-server of the bench's own if the machine has one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strconv"
	"syscall"

	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack"
	"github.com/chatconnect/chatconnect/internal/document"
)

func main() {
	document.RunChildIfAsked()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "chatconnect-bench:", err)
		os.Exit(1) //nolint:gocritic // stop only undoes signal handling
	}
}

func run(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("chatconnect-bench", flag.ContinueOnError)
	only := flags.String("only", "", "measure only this part: latency, chats, relay, idle or slow")
	profile := flags.String("cpuprofile", "", "write a CPU profile of this process, which is everything but PostgreSQL, to this file")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	bench, err := choose(flags.Arg(0), *only)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{workerCommand, apiCommand, serveCommand}, flags.Arg(0)) {
		fmt.Println(machine())
	}
	if *profile == "" {
		return bench(ctx)
	}
	return profiled(*profile, func() error { return bench(ctx) })
}

func choose(command, only string) (bench func(context.Context) error, err error) {
	switch command + only {
	case "":
		return inTurn(benchChats, benchRelay, benchIdle), nil
	case "latency":
		return benchLatency, nil
	case "chats":
		return benchChats, nil
	case "relay":
		return benchRelay, nil
	case "idle":
		return benchIdle, nil
	case "slow":
		return benchSlow, nil
	case "ingest":
		return benchIngestion, nil
	case workerCommand:
		return runRole(app.Roles{Worker: true}), nil
	case apiCommand:
		return runRole(app.Roles{API: true}), nil
	case serveCommand:
		return runRole(app.Roles{API: true, Worker: true}), nil
	}
	return nil, fmt.Errorf("no bench %q", command+only)
}

func inTurn(benches ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, bench := range benches {
			if err := bench(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// profiled runs bench with a CPU profile that is written to path.
func profiled(path string, bench func() error) (err error) {
	f, err := os.Create(path)
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
func surround(ctx context.Context, provider http.Handler, measure func(context.Context, *stack.Stack) error) (err error) {
	home, err := os.MkdirTemp("", "chatconnect-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(home) }()
	models := httptest.NewServer(provider)
	defer models.Close()

	environ := []string{
		"INTERNAL_API_SECRET=" + internalSecret,
		// Loads are larger than what an operator gives away.
		"FREE_TOKEN_CEILING=0", "ACCOUNT_TOKEN_CEILING=0", "MAX_DOCUMENTS=0", "MAX_STORED_BYTES=0",
		"PATH=" + os.Getenv("PATH"), "PORT=0", "METRICS_ADDR=off", "LOG_LEVEL=error", trustedBench,
		"OPENAI_API_KEY=bench", "OPENAI_BASE_URL=" + models.URL + "/v1", "EMBEDDING_DIMENSIONS=" + strconv.Itoa(dimensions),
	}
	redis, stopRedis, err := chooseRedis(ctx, home)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopRedis()) }()
	if redis != "" {
		environ = append(environ, "REDIS_URL="+redis)
	}
	surroundings, err := stack.Start(ctx, stack.Options{Home: home, WithoutUI: true, Environ: environ})
	if err != nil {
		return err
	}
	defer func() { _ = surroundings.Stop(context.WithoutCancel(ctx)) }()
	return measure(ctx, surroundings)
}
