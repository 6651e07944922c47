package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/dev/stack"
)

const (
	slowUsers       = 50
	slowConnections = 300
	slowWindow      = 15 * time.Second
	slowRounds      = 3 // without and with, in turn
	slowGoal        = 15 * time.Second
)

// benchSlow measures what ordinary users notice of connections that announce a
// body and send nothing, and how long those are held.
func benchSlow(ctx context.Context) error {
	models := fakemodel.New(fakemodel.WithCapture(0))
	defer models.Close()
	return surround(ctx, models, func(ctx context.Context, surroundings *stack.Stack) error {
		fmt.Printf("%d users, each with a request every %d ms, one in %d a question, beside %d connections that announce\n", slowUsers, userPace.Milliseconds(), questionEvery, slowConnections)
		fmt.Printf("a body and send nothing, opened again when they are closed. Goal: each closed within %.0f s. serve is a process of its own.\n\n", slowGoal.Seconds())
		raised := append(surroundings.Environ(), "MAX_CONNECTIONS_PER_ADDRESS=10000")
		if err := measureSlow(ctx, raised, models, slowRounds, "no limit of an address"); err != nil {
			return err
		}
		return measureSlow(ctx, surroundings.Environ(), models, 1, "MAX_CONNECTIONS_PER_ADDRESS as by default")
	})
}

// measureSlow starts serve with the settings and lets users work without and
// with silent connections in turn.
func measureSlow(ctx context.Context, environ []string, models *fakemodel.Server, rounds int, title string) (err error) {
	product, err := startProcess(ctx, serveCommand, environ)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, product.stop()) }()
	load, err := newLoad(ctx, product.url, models)
	if err != nil {
		return err
	}
	if _, err := load.run(ctx, 1, chatsWarm, loadMost); err != nil {
		return err
	}
	address, err := url.Parse(product.url)
	if err != nil {
		return err
	}
	requests, operations, err := silentRequests(address.Host)
	if err != nil {
		return err
	}
	attack := attacker{address: address.Host, requests: requests}
	people := users{visitors: load.visitors}
	people.watch(ctx, slowUsers, slowWindow/3) // opens their connections

	fmt.Printf("| %s | requests | failed | GET /api/widget/config, p50 | p99 | POST /chat/stream to first token, p50 | p99 | processor time of serve |\n", title)
	fmt.Println("|---|---|---|---|---|---|---|---|")
	var without, with noticed
	var closed []silence
	var reopened int64
	for range rounds {
		spent := product.processorTime()
		seen := people.watch(ctx, slowUsers, slowWindow)
		seen.print("without", product.processorTime()-spent)
		without.add(seen)

		attacking, stop := context.WithTimeout(ctx, slowWindow)
		ended := make(chan error, 1)
		go func() {
			first, again, err := attack.hold(attacking, slowConnections)
			closed, reopened = append(closed, first...), reopened+again
			ended <- err
		}()
		spent = product.processorTime()
		seen = people.watch(ctx, slowUsers, slowWindow)
		spent = product.processorTime() - spent
		err := <-ended // the next round is one without
		stop()
		if err != nil {
			return err
		}
		seen.print("with", spent)
		with.add(seen)
	}
	fmt.Printf("With against without: configuration p50 %s, p99 %s; first token p50 %s, p99 %s.\n",
		compare(with.config, without.config, .5), compare(with.config, without.config, .99),
		compare(with.firstToken, without.firstToken, .5), compare(with.firstToken, without.firstToken, .99))
	for _, n := range []noticed{without, with} {
		if n.failure != nil {
			fmt.Println("A failure of a user's request:", n.failure)
		}
	}
	report(closed, rounds, operations, reopened)
	return ctx.Err()
}

func (n *noticed) print(name string, spent time.Duration) {
	fmt.Printf("| %s | %d | %d | %s | %s | %s | %s | %s |\n", name, len(n.config)+len(n.firstToken)+n.failed, n.failed,
		ms(n.config, .5), ms(n.config, .99), ms(n.firstToken, .5), ms(n.firstToken, .99), seconds(spent))
}

// report tells what became of the first silent connections of each round.
func report(closed []silence, rounds, operations int, reopened int64) {
	var held []time.Duration
	for _, s := range closed {
		if !s.refused {
			held = append(held, s.took)
		}
	}
	fmt.Printf("Silent connections, %d times %d on %d operations: %d refused at once", rounds, slowConnections, operations, len(closed)-len(held))
	if len(held) > 0 {
		fmt.Printf(", the others closed after %s to %s (p50 %s)", seconds(slices.Min(held)), seconds(slices.Max(held)), seconds(quantile(held, .5)))
	}
	fmt.Printf("; opened again %d times.\n\n", reopened)
}

// compare divides the p-quantiles of two samples.
func compare(a, b []time.Duration, p float64) string {
	if len(a) == 0 || len(b) == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.2f", float64(quantile(a, p))/float64(quantile(b, p)))
}
