package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/cache"
	"github.com/chatconnect/chatconnect/internal/redistest"
)

const patience = time.Minute

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// newCache waits for Redis however busy the machine is: a cache that gives up
// has lost nothing, but a test.
func newCache(client redis.UniversalClient) *cache.Cache {
	return cache.New(cache.Options{Redis: client, Timeout: patience})
}

func TestCacheKeepsValuesForTheirLifetime(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx, client := within(t), s.Client(t)
		c := newCache(client)
		_, found, err := c.Get(ctx, "k")
		require.NoError(t, err)
		require.False(t, found)

		value := []byte("a\x00\xff")
		require.NoError(t, c.Set(ctx, "k", value, time.Hour))
		require.NoError(t, c.Set(ctx, "empty", nil, time.Hour))
		require.NoError(t, c.Set(ctx, "brief", value, 10*time.Millisecond))
		got, found, err := c.Get(ctx, "k")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, value, got)
		_, found, err = c.Get(ctx, "empty")
		require.NoError(t, err)
		require.True(t, found, "an empty value is a value")

		s.Expire(20 * time.Millisecond)
		_, found, err = c.Get(ctx, "brief")
		require.NoError(t, err)
		require.False(t, found)
		require.InDelta(t, time.Hour, client.PTTL(ctx, "k").Val(), float64(2*patience))

		require.Error(t, c.Set(ctx, "k", value, 0), "never for ever")
	})
}

func TestCacheManyAtOnce(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, c := within(t), newCache(client)
		require.NoError(t, c.SetMany(ctx, []cache.Entry{{Key: "a", Value: []byte("1")}, {Key: "c", Value: []byte("3")}}, time.Minute))
		got, err := c.GetMany(ctx, []string{"a", "b", "c", "a"})
		require.NoError(t, err)
		require.Equal(t, [][]byte{[]byte("1"), nil, []byte("3"), []byte("1")}, got)

		none, err := c.GetMany(ctx, nil)
		require.NoError(t, err)
		require.Empty(t, none)
		require.NoError(t, c.SetMany(ctx, nil, time.Minute))
	})
}

func TestCacheGivesUpSoon(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx, proxy := within(t), s.Proxy(t)
		c := cache.New(cache.Options{Redis: proxy.Client(t), Timeout: 100 * time.Millisecond})
		proxy.Pause()
		// The client alone would wait until ctx ends, and say that.
		_, _, err := c.Get(ctx, "k")
		require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
		_, err = c.GetMany(ctx, []string{"k"})
		require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
		err = c.Set(ctx, "k", nil, time.Minute)
		require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
		proxy.Resume()

		gone, cancel := context.WithCancel(ctx)
		cancel()
		_, _, err = c.Get(gone, "k")
		require.ErrorIs(t, err, context.Canceled)
	})
}
