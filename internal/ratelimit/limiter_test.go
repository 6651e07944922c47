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

// patience is with Redis where it is to decide, however busy the machine.
const patience = time.Minute

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// since is how long ago something was, at most: Redis has a clock of its own.
func since(began time.Time) time.Duration { return time.Since(began) + 100*time.Millisecond }

// requireLeft checks a time that has been running down since began, when it was
// whole, or since later.
func requireLeft(t *testing.T, whole, left time.Duration, began time.Time) {
	t.Helper()
	require.LessOrEqual(t, left, whole+time.Millisecond)
	require.GreaterOrEqual(t, left, whole-since(began))
}

// spend asks until refused, and returns how many were allowed: as many as the
// limit, and what it has given back meanwhile.
func spend(t *testing.T, l *ratelimit.Limiter, key string, perMinute int) int {
	t.Helper()
	began, interval := time.Now(), time.Minute/time.Duration(perMinute)
	for n := 0; ; n++ {
		d, err := l.Allow(within(t), chatconnect.RateLimit{Key: key, PerMinute: perMinute})
		require.NoError(t, err)
		require.Equal(t, perMinute, d.Limit)
		back := int(since(began) / interval)
		if !d.Allowed {
			require.GreaterOrEqual(t, n, perMinute)
			require.LessOrEqual(t, n, perMinute+back)
			require.Zero(t, d.Remaining)
			require.Positive(t, d.RetryAfter)
			requireLeft(t, interval, d.RetryAfter, began)
			requireLeft(t, time.Minute, d.ResetAfter, began)
			return n
		}
		require.Zero(t, d.RetryAfter)
		require.GreaterOrEqual(t, d.Remaining, perMinute-n-1)
		require.LessOrEqual(t, d.Remaining, perMinute-n-1+back)
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
		a, fallbackA := newLimiter(client, ratelimit.Options{Timeout: patience})
		b, fallbackB := newLimiter(client, ratelimit.Options{Timeout: patience})
		spend(t, a, "many", 10)

		// At this rate an allowance comes back after a minute: not during the test.
		spend(t, a, "k", 1)
		d, err := b.Allow(ctx, chatconnect.RateLimit{Key: "k", PerMinute: 1})
		require.NoError(t, err)
		require.False(t, d.Allowed, "another process knows")
		d, err = b.Allow(ctx, chatconnect.RateLimit{Key: "other", PerMinute: 1})
		require.NoError(t, err)
		require.True(t, d.Allowed, "another key does not care")
		require.Zero(t, fallbackA.fallbacks.Load()+fallbackB.fallbacks.Load())
	})
}

func TestConcurrentRequestsNeverExceedTheLimit(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := within(t)
		l, fallback := newLimiter(client, ratelimit.Options{Timeout: patience})
		began := time.Now()
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
		require.GreaterOrEqual(t, allowed.Load(), int64(5))
		require.LessOrEqual(t, allowed.Load(), 5+int64(since(began)/(12*time.Second)), "and what came back meanwhile")
		require.Zero(t, fallback.fallbacks.Load())
	})
}

// questions counts how often Redis is asked to decide; a client may send one
// question twice.
type questions struct{ n atomic.Int64 }

func (*questions) DialHook(next redis.DialHook) redis.DialHook { return next }
func (*questions) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (q *questions) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		if command.Name() == "evalsha" {
			q.n.Add(1)
		}
		return next(ctx, command)
	}
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
				client, asked := proxy.Client(t), new(questions)
				client.AddHook(asked)
				l, fallback := newLimiter(client, ratelimit.Options{Retry: time.Hour})
				fault.on(proxy)
				n := spend(t, l, name, 10)
				require.EqualValues(t, n+1, fallback.fallbacks.Load())
				require.EqualValues(t, 1, asked.n.Load(), "one request waits for Redis, not each")

				spend(t, l, name+" other", 3)
				fault.off(proxy)
			})
		}
	})
}

func TestRedisDecidesAgainOnceItIsBack(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx, proxy := within(t), s.Proxy(t)
		l, fallback := newLimiter(proxy.Client(t), ratelimit.Options{Timeout: patience, Retry: time.Millisecond})
		proxy.Down()
		spend(t, l, "k", 3)
		proxy.Up()
		require.Eventually(t, func() bool {
			before := fallback.fallbacks.Load()
			_, err := l.Allow(ctx, chatconnect.RateLimit{Key: "probe", PerMinute: 1000})
			require.NoError(t, err)
			return fallback.fallbacks.Load() == before
		}, patience, 5*time.Millisecond, "Redis is back, and the limiter still decides alone")
		spend(t, l, "k", 3) // Redis has not heard of what the fallback allowed
	})
}

func TestCallerGoneIsNoFaultOfRedis(t *testing.T) {
	t.Parallel()
	l, fallback := newLimiter(redistest.Mini(t).Client(t), ratelimit.Options{Retry: time.Hour, Timeout: patience})
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
