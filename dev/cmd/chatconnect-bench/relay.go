package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities/answerstream"
	"github.com/chatconnect/chatconnect/dev/apiclient"
	"github.com/chatconnect/chatconnect/dev/stack"
	"github.com/chatconnect/chatconnect/internal/redisconn"
	"github.com/chatconnect/chatconnect/internal/relay"
)

// The flow: as many answers at a time, each at the pace of a quick model.
const (
	flowAnswers = 100
	flowPace    = 10 * time.Millisecond // between two tokens of an answer
	flowTime    = 10 * time.Second
	flowWarm    = time.Second // of it, not counted
)

// benchRelay measures the way of tokens from the worker to the visitor. The
// worker's end is its own code (answerstream, relay) in this process, which
// also reads; the API is a process of its own.
func benchRelay(ctx context.Context) error {
	return surround(ctx, newInstant(dimensions), func(ctx context.Context, surroundings *stack.Stack) (err error) {
		api, err := startAPI(ctx, surroundings.Environ())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, api.stop()) }()
		redis, err := redisconn.Open(surroundings.Settings()["REDIS_URL"])
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, redis.Close()) }()
		r := relay.New(relay.Options{Redis: redis})
		defer r.Close()
		t, err := newTenant(ctx, api.url)
		if err != nil {
			return err
		}
		visitor := apiclient.Visitor{Base: api.url, Key: t.client.PublishableKey, HTTP: newBrowsers()}
		flows := make([]*flow, flowAnswers)
		for i := range flows {
			if flows[i], err = newFlow(ctx, r, t.client.ID, visitor); err != nil {
				return err
			}
			defer flows[i].close()
		}
		return measureFlows(ctx, flows)
	})
}

func measureFlows(ctx context.Context, flows []*flow) error {
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for i, f := range flows {
		group.Go(func() error { return f.write(ctx, began.Add(flowPace*time.Duration(i)/flowAnswers)) })
		group.Go(func() error { return f.read(began.Add(flowWarm)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(began)
	var published, written []time.Duration
	tokens := 0
	for _, f := range flows {
		published, written = append(published, f.lags...), append(written, f.delays...)
		tokens += len(f.tokens)
	}
	fmt.Printf("Relay, %d answers at once, %.0f tokens/s altogether for %s, the API a process of its own:\n",
		flowAnswers, float64(tokens)/took.Seconds(), seconds(took))
	fmt.Printf("from the worker's call that publishes an event to the event at a reader of the SSE stream p50 %s, p99 %s (goal 20 ms), %d events;\n",
		ms(published, .5), ms(published, .99), len(published))
	fmt.Printf("from a token's leaving the model to the reader, with the up to 15 ms in which tokens are gathered: p50 %s, p99 %s.\n\n",
		ms(written, .5), ms(written, .99))
	return nil
}

// flow is one answer on its way.
type flow struct {
	writer *answerstream.Writer
	stream *apiclient.Stream

	mu        sync.Mutex
	published map[int64]time.Time // by event
	tokens    []time.Time         // when each left the model

	lags   []time.Duration // of events, publication to reader
	delays []time.Duration // of tokens, model to reader
}

// newFlow begins an answer and attaches its reader.
func newFlow(ctx context.Context, r chatconnect.Relay, client chatconnect.ClientID, visitor apiclient.Visitor) (*flow, error) {
	session, err := visitor.NewSession(ctx)
	if err != nil {
		return nil, err
	}
	ref := chatconnect.MessageRef{ClientID: client, SessionID: chatconnect.SessionID(session.ID), MessageID: chatconnect.MessageID(uuid.NewString())}
	f := &flow{published: map[int64]time.Time{}}
	f.writer = answerstream.NewWriter(stamped{r, f}, ref, 1)
	if err := f.token(ctx); err != nil {
		return nil, err
	}
	if err := f.writer.Flush(ctx); err != nil { // there is an answer to attach to now
		return nil, err
	}
	f.stream, err = visitor.Attach(ctx, session, string(ref.MessageID))
	return f, err
}

func (f *flow) token(ctx context.Context) error {
	f.mu.Lock()
	f.tokens = append(f.tokens, time.Now())
	f.mu.Unlock()
	return f.writer.Token(ctx, "word ")
}

// write is the model and the worker, from the given time on.
func (f *flow) write(ctx context.Context, from time.Time) error {
	for next := from; next.Before(from.Add(flowTime)); next = next.Add(flowPace) {
		select {
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := f.token(ctx); err != nil {
			return err
		}
	}
	return f.writer.Done(ctx, chatconnect.Answer{}, chatconnect.ChatAnswered)
}

// read is the visitor. What comes before the given time isn't counted.
func (f *flow) read(from time.Time) error {
	tokens := 0
	for {
		event, err := f.stream.Next()
		if err != nil {
			return err
		}
		now := time.Now()
		switch event.Name {
		case chatconnect.EventDone:
			if tokens != len(f.tokens) {
				return fmt.Errorf("%d tokens were written and %d read", len(f.tokens), tokens)
			}
			return nil
		case chatconnect.EventToken:
		default:
			return fmt.Errorf("event %q: %s", event.Name, event.Data)
		}
		var data chatconnect.TokenData
		if err := json.Unmarshal(event.Data, &data); err != nil {
			return err
		}
		count := strings.Count(data.Text, " ")
		f.mu.Lock()
		if now.After(from) {
			f.lags = append(f.lags, now.Sub(f.published[event.ID]))
			for _, left := range f.tokens[tokens : tokens+count] {
				f.delays = append(f.delays, now.Sub(left))
			}
		}
		f.mu.Unlock()
		tokens += count
	}
}

func (f *flow) close() {
	f.stream.Close()
	f.writer.Close()
}

// stamped notes when events are published.
type stamped struct {
	chatconnect.Relay
	flow *flow
}

func (s stamped) Publish(ctx context.Context, message chatconnect.MessageRef, events ...chatconnect.RelayEvent) error {
	now := time.Now()
	s.flow.mu.Lock()
	for _, e := range events {
		if _, again := s.flow.published[e.ID]; !again {
			s.flow.published[e.ID] = now
		}
	}
	s.flow.mu.Unlock()
	return s.Relay.Publish(ctx, message, events...)
}
