package relay_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/relay"
)

func TestAStopReachesTheProcessThatWrites(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, m, other := within(t), newMessage(), newMessage()
		writer, elsewhere := newRelay(t, client, relay.Options{}), newRelay(t, client, relay.Options{})
		stopped, wrong := make(chan struct{}, 10_000), make(chan struct{}, 10_000)
		forget := writer.OnStop(m, func() { stopped <- struct{}{} })
		defer writer.OnStop(other, func() { wrong <- struct{}{} })()

		require.NoError(t, writer.Stop(ctx, m))
		require.Len(t, stopped, 1, "its own process needs no Redis")
		<-stopped

		// The subscription is made in the background: the first signals may be lost.
		require.Eventually(t, func() bool {
			require.NoError(t, elsewhere.Stop(ctx, m))
			select {
			case <-stopped:
				return true
			case <-time.After(10 * time.Millisecond):
				return false
			}
		}, patience, time.Millisecond, "the stop is not heard")
		require.Empty(t, wrong, "a signal is for one message")
		forget()
		for len(stopped) > 0 {
			<-stopped
		}
		// Signals come in order: once the other's has arrived, this one was
		// ignored. They are lost while the connection is replaced.
		for arrived := false; !arrived; {
			require.NoError(t, elsewhere.Stop(ctx, m))
			require.NoError(t, elsewhere.Stop(ctx, other))
			select {
			case <-wrong:
				arrived = true
			case <-time.After(10 * time.Millisecond):
			}
		}
		require.Empty(t, stopped)
	})
}

func TestStopWithoutRedis(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	r := newRelay(t, client, relay.Options{})
	require.Equal(t, "relay_unavailable", code(r.Stop(within(t), newMessage())))
	stopped := false
	m := newMessage()
	defer r.OnStop(m, func() { stopped = true })()
	require.NoError(t, r.Stop(within(t), m))
	require.True(t, stopped)
}
