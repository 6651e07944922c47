package redisconn_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/redisconn"
	"github.com/chatconnect/chatconnect/internal/redistest"
)

const patience = time.Minute // with a busy machine

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newHub(t testing.TB, client redis.UniversalClient, options redisconn.HubOptions) *redisconn.Hub {
	t.Helper()
	options.Redis = client
	h := redisconn.NewHub(options)
	t.Cleanup(h.Close)
	return h
}

// sink remembers what it hears.
type sink struct {
	messages chan string
	gaps     chan struct{}
}

func newSink() *sink {
	return &sink{messages: make(chan string, 1000), gaps: make(chan struct{}, 1000)}
}

func (s *sink) Message(payload string) { s.messages <- payload }
func (s *sink) Gap()                   { s.gaps <- struct{}{} }

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nothing was received")
		panic("unreachable")
	}
}

func TestHubDeliversFromTheMomentOfSubscribing(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		// Where the machine stands still, the connection need not be replaced.
		ctx, h := within(t), newHub(t, client, redisconn.HubOptions{Silence: patience})
		// More channels than fit in one command, subscribed to at once.
		var all sync.WaitGroup
		for i := range 1200 {
			all.Go(func() {
				name, s := fmt.Sprintf("channel:%d", i), newSink()
				_, err := h.Subscribe(ctx, name, s)
				if !assert.NoError(t, err) {
					return
				}
				if i%100 == 0 {
					assert.NoError(t, client.Publish(ctx, name, name).Err())
					assert.Equal(t, name, receive(t, s.messages))
				}
				assert.Empty(t, s.gaps, "a first subscription has no gap")
			})
		}
		all.Wait()
	})
}

func TestHubCountsReferences(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		// Where the machine stands still, the connection need not be replaced.
		ctx, h := within(t), newHub(t, client, redisconn.HubOptions{Silence: patience})
		subscribed := func() int64 { return client.PubSubNumSub(ctx, "c").Val()["c"] }

		a, b := newSink(), newSink()
		leaveA, err := h.Subscribe(ctx, "c", a)
		require.NoError(t, err)
		leaveB, err := h.Subscribe(ctx, "c", b)
		require.NoError(t, err)
		require.EqualValues(t, 1, subscribed(), "one subscription for both")

		leaveA()
		leaveA()
		require.NoError(t, client.Publish(ctx, "c", "for b").Err())
		require.Equal(t, "for b", receive(t, b.messages))
		require.Empty(t, a.messages)

		leaveB()
		require.Eventually(t, func() bool { return subscribed() == 0 }, patience, time.Millisecond, "the channel stays subscribed")

		// Leaving and returning in quick succession, at any point of the exchange.
		for i := range 200 {
			s := newSink()
			leave, err := h.Subscribe(ctx, "c", s)
			require.NoError(t, err)
			require.NoError(t, client.Publish(ctx, "c", i).Err())
			select {
			case got := <-s.messages:
				require.Equal(t, fmt.Sprint(i), got)
			case <-s.gaps: // allowed: the sink is told to look for itself
			case <-time.After(patience):
				require.FailNow(t, "neither message nor gap")
			}
			leave()
		}
		require.Eventually(t, func() bool { return subscribed() == 0 }, patience, time.Millisecond, "the channel stays subscribed")
	})
}

func TestHubAnnouncesGaps(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(*redistest.Proxy){
		"reset": (*redistest.Proxy).Cut,
		// Nothing says that the peer is gone; only the hub's own pings can tell.
		"mute": (*redistest.Proxy).Freeze,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redistest.EachServer(t, func(t *testing.T, server *redistest.Server) {
				ctx, proxy := within(t), server.Proxy(t)
				h := newHub(t, proxy.Client(t), redisconn.HubOptions{Ping: 20 * time.Millisecond, Silence: 200 * time.Millisecond})
				s := newSink()
				_, err := h.Subscribe(ctx, "c", s)
				require.NoError(t, err)
				disturb(proxy)
				receive(t, s.gaps) // lost
				receive(t, s.gaps) // established again
				publisher := server.Client(t)
				require.Eventually(t, func() bool { // on a busy machine there may be more gaps
					require.NoError(t, publisher.Publish(ctx, "c", "after").Err())
					return len(s.messages) > 0
				}, patience, 10*time.Millisecond, "nothing is received after the gap")
			})
		})
	}
}

// A quiet but healthy connection is kept.
func TestHubKeepsQuietConnections(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		const silence = time.Second
		ctx := within(t)
		h := newHub(t, client, redisconn.HubOptions{Ping: silence / 20, Silence: silence})
		s := newSink()
		_, err := h.Subscribe(ctx, "c", s)
		require.NoError(t, err)
		// A machine that stands still for a second has the hub replace it, and
		// rightly. One that is given up for its quiet is each time.
		for quiet := time.NewTimer(5 * silence / 2); ; {
			select {
			case <-s.gaps:
				quiet.Reset(5 * silence / 2)
				continue
			case <-quiet.C:
			case <-ctx.Done():
				require.FailNow(t, "it is replaced again and again")
			}
			if len(s.gaps) == 0 {
				return
			}
			quiet.Reset(5 * silence / 2)
		}
	})
}

func TestHubSubscribeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, server *redistest.Server) {
		proxy := server.Proxy(t)
		h := newHub(t, proxy.Client(t), redisconn.HubOptions{})
		proxy.Down()
		brief, cancel := context.WithTimeout(within(t), 50*time.Millisecond)
		defer cancel()
		_, err := h.Subscribe(brief, "c", newSink())
		require.ErrorIs(t, err, context.DeadlineExceeded)

		// One that has time gets through as soon as Redis is back.
		result := make(chan error, 1)
		go func() {
			_, err := h.Subscribe(within(t), "c", newSink())
			result <- err
		}()
		proxy.Up()
		require.NoError(t, receive(t, result))
	})
}

func TestHubClose(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, server *redistest.Server) {
		ctx, proxy := within(t), server.Proxy(t)
		h := newHub(t, proxy.Client(t), redisconn.HubOptions{})
		_, err := h.Subscribe(ctx, "c", newSink())
		require.NoError(t, err)
		proxy.Pause()
		pending := make(chan error, 1)
		go func() {
			_, err := h.Subscribe(ctx, "d", newSink())
			pending <- err
		}()
		h.Close()
		require.ErrorIs(t, receive(t, pending), redisconn.ErrHubClosed)
		_, err = h.Subscribe(ctx, "e", newSink())
		require.ErrorIs(t, err, redisconn.ErrHubClosed)
		h.Close()

		never := newHub(t, proxy.Client(t), redisconn.HubOptions{})
		never.Close()
		_, err = never.Subscribe(ctx, "c", newSink())
		require.ErrorIs(t, err, redisconn.ErrHubClosed)
	})
}

func TestOpen(t *testing.T) {
	t.Parallel()
	s := redistest.Mini(t)
	client, err := redisconn.Open("redis://" + s.Addr + "/0")
	require.NoError(t, err)
	defer func() { _ = client.Close() }()
	require.NoError(t, client.Ping(within(t)).Err())

	_, err = redisconn.Open("http://example.com")
	require.ErrorContains(t, err, "redis URL")
}
