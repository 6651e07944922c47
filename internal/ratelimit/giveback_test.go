package ratelimit_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/ratelimit"
	"github.com/chatconnect/chatconnect/internal/redistest"
)

// What is given back may be asked for again, with Redis and without it.
func TestGiveBack(t *testing.T) {
	t.Parallel()
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = away.Close() })
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) { giveBack(t, client) })
	t.Run("without Redis", func(t *testing.T) { giveBack(t, away) })
}

func giveBack(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	l := ratelimit.New(ratelimit.Options{Redis: client, Timeout: patience, Retry: time.Hour})
	limits := []chatconnect.RateLimit{{Key: t.Name() + "a", PerMinute: 2}, {Key: t.Name() + "b", PerMinute: 3}}
	for range 10 {
		d, err := l.Allow(within(t), limits...)
		require.NoError(t, err)
		require.True(t, d.Allowed)
		l.GiveBack(within(t), limits...)
	}
	spend(t, l, t.Name()+"a", 2)
	spend(t, l, t.Name()+"b", 3)
	l.GiveBack(within(t), limits[0])
	d, err := l.Allow(within(t), limits[0])
	require.NoError(t, err)
	require.True(t, d.Allowed)
}
