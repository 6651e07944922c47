package api

import (
	"context"
	"errors"
	"io"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// relayReader reads one message's relay, for as long as its context lives and
// through the relay's outages.
type relayReader struct {
	events  chan chatconnect.RelayEvent // closed after the terminal one
	trouble chan struct{}               // holds a value once the relay has failed
}

const relayBuffer = 64

// followRelay begins to read the events after the given id.
func (s *Server) followRelay(ctx context.Context, ref chatconnect.MessageRef, after int64) *relayReader {
	r := &relayReader{events: make(chan chatconnect.RelayEvent, relayBuffer), trouble: make(chan struct{}, 1)}
	go func() {
		defer close(r.events)
		pause := s.timing.resubscribe
		for ctx.Err() == nil {
			last, err := s.readRelay(ctx, ref, after, r.events)
			if errors.Is(err, io.EOF) || ctx.Err() != nil {
				return
			}
			s.Logger.WarnContext(ctx, "relay failed", "after", last, "error", err)
			select {
			case r.trouble <- struct{}{}:
			default:
			}
			if last > after {
				after, pause = last, s.timing.resubscribe
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, 16*s.timing.resubscribe)
		}
	}()
	return r
}

// readRelay copies events to out until the subscription ends, and returns the
// id of the last. Its error is io.EOF after a terminal event.
func (s *Server) readRelay(ctx context.Context, ref chatconnect.MessageRef, after int64, out chan<- chatconnect.RelayEvent) (last int64, err error) {
	// The subscription may live as long as its context, so a relay that
	// doesn't answer is given up by cancelling, not by a deadline.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	impatience := time.AfterFunc(s.timing.dependency, cancel)
	subscription, err := s.Relay.Subscribe(ctx, ref, after)
	impatience.Stop()
	if err != nil {
		return after, err
	}
	defer subscription.Close()
	for last = after; ; {
		event, err := subscription.Next(ctx)
		if err != nil {
			return last, err
		}
		if event.ID <= last {
			continue // an event is delivered once, whatever the relay does
		}
		select {
		case out <- event:
			last = event.ID
		case <-ctx.Done():
			return last, ctx.Err()
		}
		if event.Terminal() {
			return last, io.EOF
		}
	}
}
