package relay

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Subscribe implements chatconnect.Relay. If Redis does not confirm the
// subscription in time, the error is KindUnavailable (relay_unavailable).
//
// Next of the subscription may be called by one goroutine at a time. A Next
// whose context ends has consumed nothing. It outlasts a Redis that is away
// for a while, then returns relay_unavailable, after which it may be called
// again.
func (r *Relay) Subscribe(ctx context.Context, message chatconnect.MessageRef, after int64) (chatconnect.Subscription, error) {
	name, err := key(message)
	if err != nil {
		return nil, err
	}
	s := &subscription{
		relay:  r,
		name:   name,
		cursor: max(after, 0),
		stale:  true, // nothing has been read yet
		wake:   make(chan struct{}, 1),
		closed: make(chan struct{}),
		pause:  r.o.Recheck,
	}
	wait, cancel := context.WithTimeout(ctx, r.o.Confirm)
	defer cancel()
	s.leave, err = r.o.Hub.Subscribe(wait, name, s)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	return s, nil
}

// subscription merges the record and the live channel of one message.
type subscription struct {
	relay *Relay
	name  string
	leave func()

	// Owned by the goroutine that calls Next.
	cursor  int64                    // last id in or before ready
	ready   []chatconnect.RelayEvent // to be returned, in order
	ended   bool                     // a terminal event has been put in ready
	failing time.Time                // since when the record can't be read, zero if it can
	pause   time.Duration            // until the record is read again, if nothing is heard

	mu    sync.Mutex
	queue []live // received, not yet looked at
	stale bool   // the record may hold events above cursor that queue does not

	wake   chan struct{} // holds a token when queue or stale has changed
	once   sync.Once
	closed chan struct{}
}

var errClosed = errors.New("relay: subscription is closed")

// Next implements chatconnect.Subscription.
func (s *subscription) Next(ctx context.Context) (chatconnect.RelayEvent, error) {
	for {
		if err := s.over(ctx); err != nil {
			return chatconnect.RelayEvent{}, err
		}
		if len(s.ready) > 0 {
			e := s.ready[0]
			s.ready = s.ready[1:]
			return e, nil
		}
		if s.ended {
			return chatconnect.RelayEvent{}, io.EOF
		}
		if s.takeStale() {
			if err := s.reread(ctx); err != nil {
				return chatconnect.RelayEvent{}, err
			}
			continue
		}
		if s.merge() {
			continue
		}
		if s.wait(ctx, s.pause+rand.N(s.pause/4+1), true) {
			s.pause = min(2*s.pause, s.relay.o.Rarest)
		}
	}
}

// Close implements chatconnect.Subscription. It may be called at any time.
func (s *subscription) Close() {
	s.once.Do(func() {
		close(s.closed)
		s.leave()
	})
}

// over says why there is nothing to wait for, nil if there is.
func (s *subscription) over(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return errClosed
	case <-s.relay.o.Hub.Done():
		return errUnavailable.Because(errors.New("relay is closed"))
	default:
		return nil
	}
}

// wait returns when something has happened or, then true, d has passed. With
// recheck, the record is read again in the latter case: it covers whatever the
// channel may have lost without anyone noticing.
//
// Rechecks of a subscriber that goes on hearing nothing become rarer, because
// they delay nothing but such an event, and that only if none follows it: what
// is published arrives through the channel at once, whatever the pause, an
// event that follows a lost one names it, and a lost connection is a Gap.
func (s *subscription) wait(ctx context.Context, d time.Duration, recheck bool) (passed bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	var wake <-chan struct{}
	if recheck {
		wake = s.wake
	}
	select {
	case <-wake:
	case <-timer.C:
		if recheck {
			s.markStale()
		}
		return true
	case <-ctx.Done():
	case <-s.closed:
	case <-s.relay.o.Hub.Done():
	}
	return false
}

// reread reads a page of the record. A failure of Redis is waited out, here
// and by being called again, as long as the relay's tolerance allows.
func (s *subscription) reread(ctx context.Context) error {
	const pause = 200 * time.Millisecond
	events, more, err := s.relay.read(ctx, s.name, s.cursor)
	if err == nil {
		s.failing = time.Time{}
		if more {
			s.markStale()
		}
		for _, e := range events {
			s.accept(e)
		}
		return nil
	}
	s.markStale()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if chatconnect.AsError(err).Kind != chatconnect.KindUnavailable {
		return err
	}
	now := time.Now()
	if s.failing.IsZero() {
		s.failing = now
	}
	if now.Sub(s.failing) > s.relay.o.Tolerance {
		s.failing = time.Time{}
		return err
	}
	s.wait(ctx, pause, false)
	return nil
}

// accept makes an event ready, unless the answer has ended.
func (s *subscription) accept(e chatconnect.RelayEvent) {
	if s.ended || e.ID <= s.cursor {
		return
	}
	s.cursor, s.pause = e.ID, s.relay.o.Recheck
	s.ended = e.Terminal()
	s.ready = append(s.ready, e)
}

// merge looks at what has arrived live, and reports whether there was any.
func (s *subscription) merge() bool {
	s.mu.Lock()
	arrived := s.queue
	s.queue = nil
	s.mu.Unlock()
	for _, l := range arrived {
		if l.event.ID <= s.cursor {
			continue // known from the record
		}
		if l.prev > s.cursor {
			s.markStale() // the record has what was missed, and this one too
			break
		}
		s.accept(l.event)
	}
	return len(arrived) > 0
}

func (s *subscription) takeStale() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	stale := s.stale
	s.stale = false
	return stale
}

func (s *subscription) markStale() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = true
}

// Message implements redisconn.Sink. A subscriber that does not keep up loses
// its queue and reads the record instead: memory stays bounded and nobody
// waits for it.
func (s *subscription) Message(payload string) {
	l, err := decodeLive(payload)
	if err != nil {
		s.relay.o.Logger.Error("relay: message ignored", "error", err)
		return
	}
	s.relay.o.OnLag(max(0, time.Since(time.UnixMicro(l.sent))))
	s.mu.Lock()
	if len(s.queue) >= s.relay.o.Buffer {
		s.queue = nil
		s.stale = true
	}
	s.queue = append(s.queue, l)
	s.mu.Unlock()
	s.notify()
}

// Gap implements redisconn.Sink.
func (s *subscription) Gap() {
	s.markStale()
	s.notify()
}

func (s *subscription) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
