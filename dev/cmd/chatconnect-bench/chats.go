package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack"
	"github.com/chatconnect/chatconnect/internal/config"
)

// setup is one way to run the product.
type setup struct {
	name   string
	roles  app.Roles // of the process that has the API: this one
	worker bool      // and a process of its own
}

var (
	serve    = setup{name: "serve", roles: app.Roles{API: true, Worker: true}}
	separate = setup{name: "separate worker", roles: app.Roles{API: true}, worker: true}
)

// Numbers of users at a time. The crowd is there to find how many chats a
// second there can be; it waits for them, so its latencies say nothing.
const (
	oneUser    = 1
	someUsers  = 50
	crowdUsers = 200
)

const (
	chatsWarm = 200 // caches, prepared statements, sticky queues
	chatsMost = 3000
	loadMost  = 15 * time.Second // for each number of users
)

func benchChats(ctx context.Context) error {
	return chats(ctx, []setup{serve, separate}, oneUser, someUsers, crowdUsers)
}

func benchLatency(ctx context.Context) error { return chats(ctx, []setup{serve}, oneUser) }

// chats has each number of users ask in each set-up.
func chats(ctx context.Context, setups []setup, users ...int) error {
	models := fakemodel.New(fakemodel.WithCapture(0))
	defer models.Close()
	return surround(ctx, models, func(ctx context.Context, surroundings *stack.Stack) error {
		fmt.Println("Answers, with a model that answers at once. Goals of POST to model request: p50 at one user")
		fmt.Println("5 ms in serve and 25 ms with a separate worker, p99 at one user 60 ms.")
		fmt.Println("\n| set-up | users | chats | POST to model request, p50 | p99 | POST to end, p50 | p99 | chats/s | refused |")
		fmt.Println("|---|---|---|---|---|---|---|---|---|")
		for _, setup := range setups {
			if err := measureChats(ctx, surroundings, setup, users, models); err != nil {
				return fmt.Errorf("%s: %w", setup.name, err)
			}
		}
		fmt.Println()
		return nil
	})
}

// measureChats runs the set-up and puts load on it.
func measureChats(ctx context.Context, surroundings *stack.Stack, setup setup, users []int, models *fakemodel.Server) (err error) {
	settings, err := config.Load(surroundings.Environ())
	if err != nil {
		return err
	}
	url, stop, err := start(ctx, settings, setup.roles)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if setup.worker {
		worker, err := startWorker(ctx, surroundings.Environ())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, worker.stop()) }()
	}
	load, err := newLoad(ctx, url, models)
	if err != nil {
		return err
	}
	if _, err := load.run(ctx, 1, chatsWarm, loadMost); err != nil {
		return err
	}
	for _, users := range users {
		r, err := load.run(ctx, users, chatsMost, loadMost)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %d | %d | %s | %s | %s | %s | %.0f | %d |\n", setup.name, users, len(r.toEnd),
			ms(r.toModel, .5), ms(r.toModel, .99), ms(r.toEnd, .5), ms(r.toEnd, .99), r.perSecond, r.refused)
	}
	return nil
}

// start runs an app in this process. stop ends it.
func start(ctx context.Context, settings config.Config, roles app.Roles) (url string, stop func() error, err error) {
	a, err := app.New(ctx, settings, app.Options{Roles: roles, Migrate: true, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return "", nil, err
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	select {
	case <-a.Ready():
	case err := <-ended:
		cancel()
		return "", nil, errors.Join(errors.New("the app ended"), err)
	}
	return a.URL(), func() error {
		cancel()
		return <-ended
	}, nil
}
