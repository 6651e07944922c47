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

// deciders are Redis and the fallback, which must decide alike.
func deciders(t *testing.T, test func(t *testing.T, l *ratelimit.Limiter)) {
	t.Helper()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		t.Run("with Redis", func(t *testing.T) {
			l, fallback := newLimiter(s.Client(t), ratelimit.Options{Timeout: patience})
			test(t, l)
			require.Zero(t, fallback.fallbacks.Load())
		})
		t.Run("without", func(t *testing.T) {
			proxy := s.Proxy(t)
			proxy.Down()
			l, _ := newLimiter(proxy.Client(t), ratelimit.Options{Retry: time.Hour})
			test(t, l)
		})
	})
}

func TestSeveralLimitsCountTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	deciders(t, func(t *testing.T, l *ratelimit.Limiter) {
		session := chatconnect.RateLimit{Key: "session", PerMinute: 2}
		key := chatconnect.RateLimit{Key: "key", PerMinute: 5}
		allow := func(limits ...chatconnect.RateLimit) chatconnect.RateDecision {
			d, err := l.Allow(within(t), limits...)
			require.NoError(t, err)
			return d
		}
		began := time.Now()
		d := allow(key, session)
		require.True(t, d.Allowed)
		require.Equal(t, 2, d.Limit, "the nearest to its end")
		require.Equal(t, 1, d.Remaining)
		require.True(t, allow(session, key).Allowed)
		for range 10 {
			d = allow(key, session)
			require.False(t, d.Allowed)
			require.Equal(t, 2, d.Limit)
			requireLeft(t, 30*time.Second, d.RetryAfter, began)
			requireLeft(t, time.Minute, d.ResetAfter, began)
		}
		d = allow(key)
		require.True(t, d.Allowed, "what was refused has not counted")
		require.GreaterOrEqual(t, d.Remaining, 2)
		require.LessOrEqual(t, d.Remaining, 2+int(since(began)/(12*time.Second)), "and what came back meanwhile")
		require.True(t, allow(chatconnect.RateLimit{Key: "other session", PerMinute: 2}, key).Allowed)
		require.True(t, allow().Allowed)
	})
}

func TestTheLongestRefusalIsTold(t *testing.T) {
	t.Parallel()
	deciders(t, func(t *testing.T, l *ratelimit.Limiter) {
		short, long := chatconnect.RateLimit{Key: "short", PerMinute: 6}, chatconnect.RateLimit{Key: "long", PerMinute: 1}
		began := time.Now()
		for _, limit := range []chatconnect.RateLimit{short, long} {
			spend(t, l, limit.Key, limit.PerMinute)
		}
		d, err := l.Allow(within(t), long, short)
		require.NoError(t, err)
		require.Equal(t, 1, d.Limit)
		requireLeft(t, time.Minute, d.RetryAfter, began)
	})
}

func TestPlacesAreLimitedAndGivenBack(t *testing.T) {
	t.Parallel()
	deciders(t, func(t *testing.T, l *ratelimit.Limiter) {
		take := func(key string) (chatconnect.Place, bool) {
			p, taken, err := l.Take(within(t), key, 2)
			require.NoError(t, err)
			return p, taken
		}
		first, taken := take("a")
		require.True(t, taken)
		second, taken := take("a")
		require.True(t, taken)
		_, taken = take("a")
		require.False(t, taken)
		_, taken = take("b")
		require.True(t, taken)
		first.Renew(within(t))
		first.GiveBack()
		first.GiveBack()
		_, taken = take("a")
		require.True(t, taken)
		_, taken = take("a")
		require.False(t, taken, "a place is given back once")
		second.GiveBack()
		_, taken = take("a")
		require.True(t, taken)
	})
}

func TestPlacesAreSharedAndEndWithTheirProcess(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		a, _ := newLimiter(client, ratelimit.Options{Timeout: patience})
		b, _ := newLimiter(client, ratelimit.Options{Timeout: patience})
		began := time.Now()
		_, taken, err := a.Take(within(t), "k", 1)
		require.NoError(t, err)
		require.True(t, taken)
		_, taken, err = b.Take(within(t), "k", 1)
		require.NoError(t, err)
		require.False(t, taken)

		lifetime, err := client.PTTL(within(t), "rate:k").Result()
		require.NoError(t, err)
		requireLeft(t, time.Minute, lifetime, began)
		members, err := client.ZRange(within(t), "rate:k", 0, -1).Result()
		require.NoError(t, err)
		require.Len(t, members, 1)
		// As if its process had died a minute ago.
		require.NoError(t, client.ZAdd(within(t), "rate:k", redis.Z{Score: float64(time.Now().Add(-time.Second).UnixMilli()), Member: members[0]}).Err())
		_, taken, err = b.Take(within(t), "k", 1)
		require.NoError(t, err)
		require.True(t, taken)
	})
}
