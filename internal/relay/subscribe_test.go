package relay_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/relay"
)

// publishAll publishes events in batches of 1 to 7, and calls between before
// each.
func publishAll(ctx context.Context, r *relay.Relay, m chatconnect.MessageRef, events []chatconnect.RelayEvent, between func(next int)) error {
	for i := 0; i < len(events); {
		between(i)
		n := min(1+rand.IntN(7), len(events)-i)
		if err := r.Publish(ctx, m, events[i:i+n]...); err != nil {
			return err
		}
		i += n
	}
	return nil
}

// Readers arrive before, during and after the writing, at any place of the
// answer, on the relay that writes and on another; each gets its part once.
func TestReplayAndLiveExactlyOnce(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		const messages, readers, length = 4, 12, 300
		ctx := within(t)
		// So rare a recheck that what the test sees is not its doing.
		here := newRelay(t, s.Client(t), relay.Options{Recheck: time.Hour})
		there := newRelay(t, s.Client(t), relay.Options{Recheck: time.Hour})

		var all sync.WaitGroup
		defer all.Wait()
		for range messages {
			m, want := newMessage(), answer(length)
			starts := make([]chan struct{}, length+1)
			for i := range starts {
				starts[i] = make(chan struct{})
			}
			all.Go(func() {
				begun := 0
				begin := func(next int) {
					for ; begun <= next; begun++ {
						close(starts[begun])
					}
				}
				assert.NoError(t, publishAll(ctx, here, m, want, begin))
				begin(length)
			})
			for i := range readers {
				r := []*relay.Relay{here, there}[i%2]
				after := rand.Int64N(length)
				start := starts[rand.IntN(length+1)]
				if i < 2 {
					start = starts[length] // when all is over
				}
				all.Go(func() {
					<-start
					sub, err := r.Subscribe(ctx, m, after)
					if !assert.NoError(t, err) {
						return
					}
					defer sub.Close()
					got, err := drain(ctx, sub)
					assert.NoError(t, err)
					assert.Equal(t, want[after:], got)
				})
			}
		}
	})
}

func TestEndOfAnswerIsEOF(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, r := within(t), newRelay(t, client, relay.Options{})
		for _, kind := range []string{chatconnect.EventDone, chatconnect.EventError} {
			m := newMessage()
			require.NoError(t, r.Publish(ctx, m, chatconnect.RelayEvent{ID: 1, Type: kind, Data: []byte("{}")}))
			// A later attempt is not for those who have seen the end.
			require.NoError(t, r.Publish(ctx, m, chatconnect.RelayEvent{ID: span + 1, Type: chatconnect.EventRestart}))
			s := subscribe(t, r, m, 0)
			e, err := s.Next(ctx)
			require.NoError(t, err)
			require.Equal(t, kind, e.Type)
			for range 2 {
				_, err = s.Next(ctx)
				require.ErrorIs(t, err, io.EOF)
			}
		}
	})
}

// A reader that stands still costs nobody else anything, and misses nothing.
func TestSlowReaderHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, r, m := within(t), newRelay(t, client, relay.Options{Buffer: 8, Recheck: time.Hour}), newMessage()
		want := answer(800)
		slow, fast := subscribe(t, r, m, 0), subscribe(t, r, m, 0)

		require.NoError(t, r.Publish(ctx, m, want[:1]...))
		first, err := slow.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, want[0], first)

		var got []chatconnect.RelayEvent
		var reading sync.WaitGroup
		reading.Go(func() {
			var err error
			got, err = drain(ctx, fast)
			assert.NoError(t, err)
		})
		require.NoError(t, publishAll(ctx, r, m, want[1:], func(int) {}))
		reading.Wait()
		require.Equal(t, want, got)

		rest, err := drain(ctx, slow)
		require.NoError(t, err)
		require.Equal(t, want[1:], rest)
	})
}

// The connection is cut, blocked and refused again and again while an answer
// is written; the reader notices nothing.
func TestReaderOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	disturb := map[string]func(p *redistest.Proxy, ctx context.Context){
		"cut": func(p *redistest.Proxy, _ context.Context) { p.Cut() },
		"refused": func(p *redistest.Proxy, ctx context.Context) {
			p.Down()
			pass(ctx, 30*time.Millisecond)
			p.Up()
		},
		"blocked": func(p *redistest.Proxy, ctx context.Context) {
			p.Pause()
			pass(ctx, 50*time.Millisecond)
			p.Resume()
		},
	}
	for name, disturb := range disturb {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
				ctx, m, want := within(t), newMessage(), answer(400)
				proxy := s.Proxy(t)
				reader := newRelay(t, proxy.Client(t), relay.Options{Recheck: time.Hour})
				writer := newRelay(t, s.Client(t), relay.Options{})
				sub := subscribe(t, reader, m, 0)

				var work sync.WaitGroup
				work.Go(func() {
					next := 100
					assert.NoError(t, publishAll(ctx, writer, m, want, func(i int) {
						pass(ctx, time.Millisecond)
						if i >= next && i < 350 {
							disturb(proxy, ctx)
							next += 100
						}
					}))
				})
				got, err := drain(ctx, sub)
				work.Wait()
				require.NoError(t, err)
				require.Equal(t, want, got)
			})
		})
	}
}

// pass lets time go by where time is what is tested.
func pass(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func TestReaderOutlivesClientKill(t *testing.T) {
	t.Parallel()
	s := redistest.Real(t)
	client := s.Client(t)
	ctx, r, m, want := within(t), newRelay(t, client, relay.Options{Recheck: time.Hour}), newMessage(), answer(300)
	sub := subscribe(t, r, m, 0)
	killed := int64(0)
	var work sync.WaitGroup
	work.Go(func() {
		assert.NoError(t, publishAll(ctx, r, m, want, func(int) {
			pass(ctx, time.Millisecond)
			n, err := client.ClientKillByFilter(ctx, "TYPE", "pubsub").Result()
			assert.NoError(t, err)
			killed += n
		}))
	})
	got, err := drain(ctx, sub)
	work.Wait()
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Positive(t, killed)
}

// A live message that got lost without a trace is found in the record.
func TestRecheckFindsWhatTheChannelLost(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, m := within(t), newMessage()
		r := newRelay(t, client, relay.Options{Recheck: 50 * time.Millisecond})
		key := string(m.ClientID) + ":relay:" + string(m.SessionID) + ":" + string(m.MessageID)
		sub := subscribe(t, r, m, 0)
		require.NoError(t, r.Publish(ctx, m, tokens(1, 1)...))
		_, err := sub.Next(ctx)
		require.NoError(t, err)

		// Recorded, but not published.
		require.NoError(t, client.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: "2-0", Values: []string{"t", "token", "d", "{}"}}).Err())
		e, err := sub.Next(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 2, e.ID)
	})
}

// The same without waiting for the recheck, if another event follows: it names
// its predecessor.
func TestGapIsNoticedByTheNextEvent(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, m := within(t), newMessage()
		r := newRelay(t, client, relay.Options{Recheck: time.Hour})
		key := string(m.ClientID) + ":relay:" + string(m.SessionID) + ":" + string(m.MessageID)
		sub := subscribe(t, r, m, 0)
		require.NoError(t, r.Publish(ctx, m, tokens(1, 1)...))
		_, err := sub.Next(ctx)
		require.NoError(t, err)
		require.NoError(t, client.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: "2-0", Values: []string{"t", "token", "d", "{}"}}).Err())
		require.NoError(t, r.Publish(ctx, m, done(3)))
		rest, err := drain(ctx, sub)
		require.NoError(t, err)
		require.Len(t, rest, 2)
		require.EqualValues(t, 2, rest[0].ID)
		require.EqualValues(t, 3, rest[1].ID)
	})
}

func TestCancelledNextConsumesNothing(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, r, m, want := within(t), newRelay(t, client, relay.Options{}), newMessage(), answer(200)
		sub := subscribe(t, r, m, 0)
		var work sync.WaitGroup
		defer work.Wait()
		work.Go(func() { assert.NoError(t, publishAll(ctx, r, m, want, func(int) { pass(ctx, time.Millisecond) })) })
		var got []chatconnect.RelayEvent
		for {
			brief, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
			e, err := sub.Next(brief)
			cancel()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.NoError(t, ctx.Err())
				continue
			}
			got = append(got, e)
		}
		require.Equal(t, want, got)
	})
}

func TestUnavailableRedisIsSaid(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx, m := within(t), newMessage()
		proxy := s.Proxy(t)
		const short = 300 * time.Millisecond
		through := proxy.Client(t)
		r := newRelay(t, through, relay.Options{Timeout: short, Confirm: short})
		// Whoever subscribed while Redis was there.
		sub := subscribe(t, newRelay(t, through, relay.Options{Timeout: short, Tolerance: short, Recheck: 20 * time.Millisecond}), m, 0)
		// Cut before Resume: what was held back is lost, not delivered late.
		for name, fault := range map[string]struct{ on, off func() }{
			"refused": {proxy.Down, proxy.Up},
			"mute":    {proxy.Pause, func() { proxy.Cut(); proxy.Resume() }},
		} {
			fault.on()
			// The client alone would wait until ctx ends, and say that.
			require.Equal(t, "relay_unavailable", code(r.Publish(ctx, m, tokens(1, 1)...)), name)
			_, err := r.Events(ctx, m, 0)
			require.Equal(t, "relay_unavailable", code(err), name)
			require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
			_, err = r.Subscribe(ctx, newMessage(), 0)
			require.Equal(t, "relay_unavailable", code(err), name)
			_, err = sub.Next(ctx)
			require.Equal(t, "relay_unavailable", code(err), name)
			fault.off()
		}
		// Afterwards the same subscription works again, if not at once on a
		// machine that takes longer than the timeouts here.
		require.NoError(t, newRelay(t, s.Client(t), relay.Options{}).Publish(ctx, m, tokens(1, 1)...))
		e, err := sub.Next(ctx)
		for code(err) == "relay_unavailable" {
			e, err = sub.Next(ctx)
		}
		require.NoError(t, err)
		require.EqualValues(t, 1, e.ID)
	})
}

func TestCloseEndsReaders(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := within(t)
		r := newRelay(t, client, relay.Options{})
		one, other := subscribe(t, r, newMessage(), 0), subscribe(t, r, newMessage(), 0)
		results := make(chan error, 2)
		for _, s := range []chatconnect.Subscription{one, other} {
			go func() {
				_, err := s.Next(ctx)
				results <- err
			}()
		}
		one.Close()
		require.ErrorContains(t, <-results, "closed")
		r.Close()
		require.Equal(t, "relay_unavailable", code(<-results))
		_, err := r.Subscribe(ctx, newMessage(), 0)
		require.Equal(t, "relay_unavailable", code(err))
		r.Close() // again is no error
	})
}

func TestLagIsReported(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		lags := make(chan time.Duration, 10)
		r := newRelay(t, client, relay.Options{OnLag: func(d time.Duration) { lags <- d }})
		ctx, m := within(t), newMessage()
		sub := subscribe(t, r, m, 0)
		require.NoError(t, r.Publish(ctx, m, answer(3)...))
		_, err := drain(ctx, sub)
		require.NoError(t, err)
		require.Less(t, <-lags, patience)
	})
}
