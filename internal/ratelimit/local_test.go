package ratelimit

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func (l *local) one(key string, perMinute int, now time.Time) chatconnect.RateDecision {
	return l.allow([]chatconnect.RateLimit{{Key: key, PerMinute: perMinute}}, now)
}

func TestLocalRegainsEvenly(t *testing.T) {
	t.Parallel()
	l, now := newLocal(10), time.Unix(1000, 0)
	for i := range 6 {
		d := l.one("k", 6, now)
		require.True(t, d.Allowed)
		require.Equal(t, 5-i, d.Remaining)
		require.Equal(t, time.Duration(i+1)*10*time.Second, d.ResetAfter)
	}
	d := l.one("k", 6, now)
	require.False(t, d.Allowed)
	require.Equal(t, 10*time.Second, d.RetryAfter)
	require.Equal(t, time.Minute, d.ResetAfter)

	now = now.Add(d.RetryAfter - 1)
	require.False(t, l.one("k", 6, now).Allowed, "a nanosecond too early")
	now = now.Add(1)
	require.True(t, l.one("k", 6, now).Allowed)
	require.False(t, l.one("k", 6, now).Allowed)

	// After a minute of rest, all of it is back, and no more.
	now = now.Add(time.Hour)
	for range 6 {
		require.True(t, l.one("k", 6, now).Allowed)
	}
	require.False(t, l.one("k", 6, now).Allowed)
}

func TestLocalForgetsTheKeyUnusedLongest(t *testing.T) {
	t.Parallel()
	l, now := newLocal(3), time.Unix(1000, 0)
	for _, key := range []string{"a", "b", "c"} {
		require.True(t, l.one(key, 1, now).Allowed)
	}
	require.False(t, l.one("a", 1, now).Allowed) // a is now the latest
	require.True(t, l.one("d", 1, now).Allowed)  // b goes
	require.False(t, l.one("a", 1, now).Allowed)
	require.False(t, l.one("c", 1, now).Allowed)
	require.True(t, l.one("b", 1, now).Allowed)

	for i := range 1000 {
		l.one(fmt.Sprint(i), 1, now)
	}
	require.Equal(t, 3, l.arrivals.Len())
}

func TestLocalTakesAnyLimit(t *testing.T) {
	t.Parallel()
	l, now := newLocal(3), time.Unix(1000, 0)
	for _, perMinute := range []int{1, 7, 1_000_000, math.MaxInt} {
		require.True(t, l.one(fmt.Sprint(perMinute), perMinute, now).Allowed)
	}
}
