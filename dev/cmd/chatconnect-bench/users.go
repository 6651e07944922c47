package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatconnect/chatconnect/dev/apiclient"
)

const (
	userPace      = 500 * time.Millisecond
	questionEvery = 5 // one request in so many; the others load the widget's configuration
)

// users use their widgets at a steady pace.
type users struct {
	visitors  []apiclient.Visitor
	questions atomic.Int64 // no two are the same, or caches would answer
}

// noticed is what users saw of the service.
type noticed struct {
	config, firstToken []time.Duration
	failed             int
	failure            error // the last one
}

func (n *noticed) add(other noticed) {
	n.config = append(n.config, other.config...)
	n.firstToken = append(n.firstToken, other.firstToken...)
	n.failed += other.failed
	if other.failure != nil {
		n.failure = other.failure
	}
}

// watch has so many users at work for the span. Times count from when a
// request was due, so that one that is late makes no other look fast.
func (u *users) watch(ctx context.Context, count int, span time.Duration) noticed {
	var (
		all noticed
		mu  sync.Mutex
		wg  sync.WaitGroup
	)
	began := time.Now()
	for user := range count {
		wg.Go(func() {
			visitor := u.visitors[user%len(u.visitors)]
			due := began.Add(userPace * time.Duration(user) / time.Duration(count))
			for turn := user; due.Before(began.Add(span)); turn++ {
				select {
				case <-time.After(time.Until(due)):
				case <-ctx.Done():
					return
				}
				var one noticed
				var err error
				if turn%questionEvery == 0 {
					err = u.ask(ctx, visitor)
					one.firstToken = []time.Duration{time.Since(due)}
				} else {
					err = loadConfig(ctx, visitor)
					one.config = []time.Duration{time.Since(due)}
				}
				if err != nil {
					one = noticed{failed: 1, failure: err}
				}
				mu.Lock()
				all.add(one)
				mu.Unlock()
				due = due.Add(userPace)
			}
		})
	}
	wg.Wait()
	return all
}

// ask asks and returns with the first token. The answer goes on without its
// reader, as when a page is left.
func (u *users) ask(ctx context.Context, visitor apiclient.Visitor) error {
	n := u.questions.Add(1)
	stream, err := visitor.Ask(ctx, fmt.Sprintf("When is tea number %d served, asks visitor %d?", n%200, n))
	if err != nil {
		return err
	}
	defer stream.Close()
	for {
		event, err := stream.Next()
		switch {
		case err != nil:
			return fmt.Errorf("an answer without a token: %w", err)
		case event.Name == "token":
			return nil
		}
	}
}

func loadConfig(ctx context.Context, visitor apiclient.Visitor) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, visitor.Base+"/api/widget/config", http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("x-api-key", visitor.Key)
	response, err := visitor.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the widget's configuration: %s", response.Status)
	}
	return nil
}
