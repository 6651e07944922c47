package ratelimit_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/ratelimit"
	"github.com/chatconnect/chatconnect/internal/redistest"
)

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// spend asks until refused, and returns how many were allowed and the refusal.
func spend(t *testing.T, l *ratelimit.Limiter, key string, perMinute int) (int, chatconnect.RateDecision) {
	t.Helper()
	for n := 0; ; n++ {
		d, err := l.Allow(within(t), chatconnect.RateLimit{Key: key, PerMinute: perMinute})
		require.NoError(t, err)
		require.Equal(t, perMinute, d.Limit)
		if !d.Allowed {
			return n, d
		}
		require.Zero(t, d.RetryAfter)
		require.Equal(t, perMinute-n-1, d.Remaining)
		require.Less(t, n, perMinute)
	}
}

// counter counts the decisions of the fallback.
type counter struct{ fallbacks atomic.Int64 }

func newLimiter(client redis.UniversalClient, options ratelimit.Options) (*ratelimit.Limiter, *counter) {
	m := &counter{}
	options.Redis = client
	options.OnFallback = func() { m.fallbacks.Add(1) }
	return ratelimit.New(options), m
}

func TestLimitIsSharedThroughRedis(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := within(t)
		// A generous timeout: here Redis is to decide, however busy the machine.
		a, fallbackA := newLimiter(client, ratelimit.Options{Timeout: 10 * time.Second})
		b, fallbackB := newLimiter(client, ratelimit.Options{Timeout: 10 * time.Second})
		// At this rate an allowance comes back every 6 s: not during the test.
		n, refusal := spend(t, a, "k", 10)
		require.Equal(t, 10, n)
		require.Zero(t, refusal.Remaining)
		require.InDelta(t, 6*time.Second, refusal.RetryAfter, float64(3*time.Second))
		require.InDelta(t, time.Minute, refusal.ResetAfter, float64(3*time.Second))

		d, err := b.Allow(ctx, chatconnect.RateLimit{Key: "k", PerMinute: 10})
		require.NoError(t, err)
		require.False(t, d.Allowed, "another process knows")
		d, err = b.Allow(ctx, chatconnect.RateLimit{Key: "other", PerMinute: 10})
		require.NoError(t, err)
		require.True(t, d.Allowed, "another key does not care")
		require.Zero(t, fallbackA.fallbacks.Load()+fallbackB.fallbacks.Load())
	})
}

func TestConcurrentRequestsNeverExceedTheLimit(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := within(t)
		l, fallback := newLimiter(client, ratelimit.Options{Timeout: 10 * time.Second})
		var allowed atomic.Int64
		var all sync.WaitGroup
		for range 60 {
			all.Go(func() {
				d, err := l.Allow(ctx, chatconnect.RateLimit{Key: "k", PerMinute: 5})
				assert.NoError(t, err)
				if d.Allowed {
					allowed.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 5, allowed.Load())
		require.Zero(t, fallback.fallbacks.Load())
	})
}

func TestWithoutRedisTheProcessLimits(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		for name, fault := range map[string]struct{ on, off func(*redistest.Proxy) }{
			"refused": {(*redistest.Proxy).Down, (*redistest.Proxy).Up},
			"mute":    {(*redistest.Proxy).Pause, func(p *redistest.Proxy) { p.Cut(); p.Resume() }},
		} {
			t.Run(name, func(t *testing.T) {
				proxy := s.Proxy(t)
				l, fallback := newLimiter(proxy.Client(t), ratelimit.Options{Retry: time.Hour})
				fault.on(proxy)
				started := time.Now()
				n, refusal := spend(t, l, name, 10)
				require.Equal(t, 10, n)
				require.InDelta(t, 6*time.Second, refusal.RetryAfter, float64(3*time.Second))
				require.EqualValues(t, 11, fallback.fallbacks.Load())
				require.Less(t, time.Since(started), 2*time.Second, "one request waits for Redis, not each")

				other, _ := spend(t, l, name+" other", 3)
				require.Equal(t, 3, other)
				fault.off(proxy)
			})
		}
	})
}

func TestRedisDecidesAgainOnceItIsBack(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx, proxy := within(t), s.Proxy(t)
		l, fallback := newLimiter(proxy.Client(t), ratelimit.Options{Timeout: 5 * time.Second, Retry: time.Millisecond})
		proxy.Down()
		n, _ := spend(t, l, "k", 3)
		require.Equal(t, 3, n)
		proxy.Up()
		require.Eventually(t, func() bool {
			before := fallback.fallbacks.Load()
			_, err := l.Allow(ctx, chatconnect.RateLimit{Key: "probe", PerMinute: 1000})
			require.NoError(t, err)
			return fallback.fallbacks.Load() == before
		}, 10*time.Second, 5*time.Millisecond)
		n, _ = spend(t, l, "k", 3)
		require.Equal(t, 3, n, "Redis has not heard of what the fallback allowed")
	})
}

func TestCallerGoneIsNoFaultOfRedis(t *testing.T) {
	t.Parallel()
	l, fallback := newLimiter(redistest.Mini(t).Client(t), ratelimit.Options{Retry: time.Hour, Timeout: 10 * time.Second})
	gone, cancel := context.WithCancel(within(t))
	cancel()
	_, err := l.Allow(gone, chatconnect.RateLimit{Key: "k", PerMinute: 1})
	require.ErrorIs(t, err, context.Canceled)
	_, err = l.Allow(within(t), chatconnect.RateLimit{Key: "k", PerMinute: 1})
	require.NoError(t, err)
	require.Zero(t, fallback.fallbacks.Load())
}

func TestNoLimitAllowsNothing(t *testing.T) {
	t.Parallel()
	l, _ := newLimiter(redistest.Mini(t).Client(t), ratelimit.Options{})
	for _, perMinute := range []int{0, -1} {
		d, err := l.Allow(within(t), chatconnect.RateLimit{Key: "k", PerMinute: perMinute})
		require.NoError(t, err)
		require.False(t, d.Allowed)
		require.Positive(t, d.RetryAfter)
	}
}
