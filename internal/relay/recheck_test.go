package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/redisconn"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/relay"
)

// reads tells when a record is read.
type reads chan time.Time

func (reads) DialHook(next redis.DialHook) redis.DialHook { return next }
func (reads) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (r reads) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		if command.Name() == "xrange" {
			r <- time.Now()
		}
		return next(ctx, command)
	}
}

// Whoever hears nothing for long re-reads the record ever more rarely, and as
// often as ever once something has come.
func TestRechecksOfASilentAnswerBecomeRarer(t *testing.T) {
	t.Parallel()
	const first, doublings = 10 * time.Millisecond, 6
	ctx, m, client := within(t), newMessage(), redistest.Mini(t).Client(t)
	seen := make(reads, 1000)
	client.AddHook(seen)
	// A connection that is given up as lost has the record read at once.
	hub := redisconn.NewHub(redisconn.HubOptions{Redis: client, Silence: patience})
	t.Cleanup(hub.Close)
	r := newRelay(t, client, relay.Options{Hub: hub, Recheck: first, Rarest: first << doublings})
	sub := subscribe(t, r, m, 0)
	events := make(chan error)
	go func() {
		for range 2 {
			_, err := sub.Next(ctx)
			events <- err
		}
	}()
	last := <-seen
	for n := range doublings + 2 {
		now := <-seen
		// It is a little more, and with a busy machine much.
		require.GreaterOrEqual(t, now.Sub(last), first<<min(n, doublings))
		last = now
	}
	require.NoError(t, r.Publish(ctx, m, tokens(1, 1)...))
	require.NoError(t, <-events)
	// At the rarest pace none would come sooner, on no machine.
	shortest := time.Hour
	for range doublings {
		now := <-seen
		shortest, last = min(shortest, now.Sub(last)), now
	}
	require.Less(t, shortest, first<<doublings)
	require.NoError(t, r.Publish(ctx, m, done(2)))
	require.NoError(t, <-events)
}
