package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatconnect/chatconnect/bench/rss"
	"github.com/chatconnect/chatconnect/dev/apiclient"
	"github.com/chatconnect/chatconnect/dev/stack"
)

const (
	idleStreams = 5000
	idleTenants = 6                // each may ask 1,000 questions a minute
	idleAtOnce  = 20               // streams being opened
	idleWait    = 40 * time.Second // two heartbeats, and all that settles by itself
)

// benchIdle measures what streams cost that wait for an answer. No worker
// runs, so all do, each a question of a session of its own, and the API
// watches each one's workflow beside its relay.
func benchIdle(ctx context.Context) error {
	return surround(ctx, newInstant(dimensions), func(ctx context.Context, surroundings *stack.Stack) (err error) {
		api, err := startAPI(ctx, surroundings.Environ())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, api.stop()) }()
		return measureIdle(ctx, api)
	})
}

func measureIdle(ctx context.Context, api *process) error {
	tenants, err := newTenants(ctx, api.url, idleTenants)
	if err != nil {
		return err
	}
	before := rss.Now(api.pid())
	watch := rss.Start(api.pid())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var broken atomic.Int64
	streams := make([]*apiclient.Stream, idleStreams)
	defer func() {
		for _, s := range streams {
			if s != nil {
				s.Close()
			}
		}
	}()
	browsers := newBrowsers()
	var opening errgroup.Group
	opening.SetLimit(idleAtOnce)
	began := time.Now()
	for i := range streams {
		visitor := apiclient.Visitor{Base: api.url, Key: tenants[i%idleTenants].client.PublishableKey, HTTP: browsers}
		opening.Go(func() (err error) {
			if streams[i], err = insist(ctx, visitor, fmt.Sprintf("When is tea number %d served?", i)); err != nil {
				return err
			}
			go func() {
				if _, _ = streams[i].Next(); ctx.Err() == nil { // returns only if it isn't idle
					broken.Add(1)
				}
			}()
			return nil
		})
	}
	if err := opening.Wait(); err != nil {
		return err
	}
	took := time.Since(began)
	spent := api.processorTime()
	select {
	case <-time.After(idleWait):
	case <-ctx.Done():
		return ctx.Err()
	}
	spent = api.processorTime() - spent
	after := rss.Now(api.pid())
	peak := watch.Stop()
	if n := broken.Load(); n > 0 {
		return fmt.Errorf("%d of %d idle streams ended", n, idleStreams)
	}
	fmt.Printf("API process with %d streams that wait for an answer, opened in %s: %d MB resident, %d MB at most (%d MB before);\n",
		idleStreams, seconds(took), after>>20, peak.Process>>20, before>>20)
	fmt.Printf("%.1f KB a stream; %s of processor time in %s.\n\n", float64(after-before)/idleStreams/1024, seconds(spent), seconds(idleWait))
	return nil
}

// insist asks again while the service is not available for the moment, which
// it may be when all ask at once.
func insist(ctx context.Context, visitor apiclient.Visitor, question string) (*apiclient.Stream, error) {
	const attempts, pause = 5, 2 * time.Second
	for attempt := 1; ; attempt++ {
		stream, err := visitor.Ask(ctx, question)
		var problem *apiclient.Problem
		if !errors.As(err, &problem) || problem.Status != http.StatusServiceUnavailable || attempt == attempts {
			return stream, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
