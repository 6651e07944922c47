package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/dev/apiclient"
)

// loadTenants ask in turn. A key of the paid tier may ask 1,000 questions a
// minute, which one tenant under full load would soon have asked.
const loadTenants = 16

// load asks questions as visitors do and times when they reach the model.
type load struct {
	visitors []apiclient.Visitor
	turn     atomic.Uint64

	mu       sync.Mutex
	arrivals map[string]time.Time // by the tag in the question
}

type result struct {
	toModel, toEnd []time.Duration
	perSecond      float64
	refused        int // 503: that was too much at once
}

// newLoad prepares tenants with one document each.
func newLoad(ctx context.Context, url string, models *fakemodel.Server) (*load, error) {
	l := &load{arrivals: map[string]time.Time{}}
	models.OnRequest(func(r fakemodel.Request) {
		if r.Endpoint == fakemodel.EndpointEmbeddings {
			return
		}
		if tag := tagIn(string(r.Body)); tag != "" {
			l.mu.Lock()
			l.arrivals[tag] = r.Time
			l.mu.Unlock()
		}
	})
	tenants, err := newTenants(ctx, url, loadTenants)
	if err != nil {
		return nil, err
	}
	var tea strings.Builder
	for i := range 200 {
		fmt.Fprintf(&tea, "Tea number %d is served at %d o'clock in room %d.\n\n", i, i%24, i*7)
	}
	browsers := newBrowsers()
	for _, t := range tenants {
		if _, _, err := t.timeToReady(ctx, file{Name: "tea.txt", Content: []byte(tea.String())}); err != nil {
			return nil, err
		}
		l.visitors = append(l.visitors, apiclient.Visitor{Base: url, Key: t.client.PublishableKey, HTTP: browsers})
	}
	return l, nil
}

// run has that many users ask, each the next question after the last answer,
// until so many are answered or the time is over.
func (l *load) run(ctx context.Context, users, chats int, atMost time.Duration) (result, error) {
	var r result
	var mu sync.Mutex
	var asked atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range users {
		group.Go(func() error {
			for asked.Add(1) <= int64(chats) && time.Since(began) < atMost {
				toModel, toEnd, err := l.chat(ctx)
				var problem *apiclient.Problem
				refused := errors.As(err, &problem) && problem.Status == http.StatusServiceUnavailable
				if err != nil && !refused {
					return err
				}
				mu.Lock()
				if refused {
					r.refused++
				} else {
					r.toModel, r.toEnd = append(r.toModel, toModel), append(r.toEnd, toEnd)
				}
				mu.Unlock()
			}
			return nil
		})
	}
	err := group.Wait()
	r.perSecond = float64(len(r.toEnd)) / time.Since(began).Seconds()
	return r, err
}

func (l *load) chat(ctx context.Context) (toModel, toEnd time.Duration, err error) {
	tag := "tag" + strings.ReplaceAll(uuid.NewString(), "-", "")
	visitor := l.visitors[l.turn.Add(1)%uint64(len(l.visitors))]
	sent := time.Now()
	stream, err := visitor.Ask(ctx, "When is tea number 7 served? "+tag)
	if err != nil {
		return 0, 0, err
	}
	defer stream.Close()
	var last apiclient.Event
	for err == nil {
		var event apiclient.Event
		if event, err = stream.Next(); err == nil {
			last = event
		}
	}
	toEnd = time.Since(sent)
	if !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	if last.Name != "done" {
		return 0, 0, fmt.Errorf("an answer ended with %q: %s", last.Name, last.Data)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	arrived, seen := l.arrivals[tag]
	delete(l.arrivals, tag)
	if !seen {
		return 0, 0, errors.New("the model was not asked")
	}
	return arrived.Sub(sent), toEnd, nil
}

// tagIn finds the question's tag in a model request.
func tagIn(body string) string {
	const length = len("tag") + 32
	if i := strings.LastIndex(body, "? tag"); i >= 0 && len(body) >= i+2+length {
		return body[i+2 : i+2+length]
	}
	return ""
}
