package ratelimit

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLocalRegainsEvenly(t *testing.T) {
	t.Parallel()
	l, now := newLocal(10), time.Unix(1000, 0)
	for i := range 6 {
		d := l.allow("k", 6, now)
		require.True(t, d.Allowed)
		require.Equal(t, 5-i, d.Remaining)
		require.Equal(t, time.Duration(i+1)*10*time.Second, d.ResetAfter)
	}
	d := l.allow("k", 6, now)
	require.False(t, d.Allowed)
	require.Equal(t, 10*time.Second, d.RetryAfter)
	require.Equal(t, time.Minute, d.ResetAfter)

	now = now.Add(d.RetryAfter - 1)
	require.False(t, l.allow("k", 6, now).Allowed, "a nanosecond too early")
	now = now.Add(1)
	require.True(t, l.allow("k", 6, now).Allowed)
	require.False(t, l.allow("k", 6, now).Allowed)

	// After a minute of rest, all of it is back, and no more.
	now = now.Add(time.Hour)
	for range 6 {
		require.True(t, l.allow("k", 6, now).Allowed)
	}
	require.False(t, l.allow("k", 6, now).Allowed)
}

func TestLocalForgetsTheKeyUnusedLongest(t *testing.T) {
	t.Parallel()
	l, now := newLocal(3), time.Unix(1000, 0)
	for _, key := range []string{"a", "b", "c"} {
		require.True(t, l.allow(key, 1, now).Allowed)
	}
	require.False(t, l.allow("a", 1, now).Allowed) // a is now the latest
	require.True(t, l.allow("d", 1, now).Allowed)  // b goes
	require.False(t, l.allow("a", 1, now).Allowed)
	require.False(t, l.allow("c", 1, now).Allowed)
	require.True(t, l.allow("b", 1, now).Allowed)

	for i := range 1000 {
		l.allow(fmt.Sprint(i), 1, now)
	}
	require.Len(t, l.byKey, 3)
	require.Equal(t, 3, l.recent.Len())
}

func TestLocalTakesAnyLimit(t *testing.T) {
	t.Parallel()
	l, now := newLocal(3), time.Unix(1000, 0)
	for _, perMinute := range []int{1, 7, 1_000_000, math.MaxInt} {
		require.True(t, l.allow(fmt.Sprint(perMinute), perMinute, now).Allowed)
	}
}
