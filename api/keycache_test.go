package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

// clock is a time that tests move.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_800_000_000, c.ns.Load()) }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func TestKeyCache(t *testing.T) {
	t.Parallel()
	var lookups atomic.Int64
	var answer atomic.Value // of func() (KeyOwner, error)
	clock := &clock{}
	cache := newKeyCache(func(context.Context, []byte) (chatconnect.KeyOwner, error) {
		lookups.Add(1)
		return answer.Load().(func() (chatconnect.KeyOwner, error))()
	})
	cache.now = clock.now
	valid := func() (chatconnect.KeyOwner, error) { return chatconnect.KeyOwner{ClientID: "a", KeyID: "1"}, nil }
	revoked := func() (chatconnect.KeyOwner, error) { return chatconnect.KeyOwner{}, chatconnect.ErrAPIKeyInvalid }

	answer.Store(valid)
	for range 5 {
		owner, err := cache.owner(t.Context(), "pk")
		require.NoError(t, err)
		require.EqualValues(t, "a", owner.ClientID)
	}
	require.EqualValues(t, 1, lookups.Load())

	answer.Store(revoked)
	clock.advance(999 * time.Millisecond)
	_, err := cache.owner(t.Context(), "pk")
	require.NoError(t, err)
	clock.advance(time.Millisecond)
	for range 5 {
		_, err = cache.owner(t.Context(), "pk")
		require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid, "revoked within a second")
	}
	require.EqualValues(t, 2, lookups.Load(), "wrong keys are kept too")

	answer.Store(func() (chatconnect.KeyOwner, error) { return chatconnect.KeyOwner{}, errors.New("down") })
	clock.advance(time.Second)
	_, err = cache.owner(t.Context(), "pk")
	require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
	answer.Store(valid)
	_, err = cache.owner(t.Context(), "pk")
	require.NoError(t, err, "an outage is not kept")

	answer.Store(revoked)
	cache.forget("a")
	_, err = cache.owner(t.Context(), "pk")
	require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid, "forget takes effect at once")

	expiry := clock.now().Add(300 * time.Millisecond)
	answer.Store(func() (chatconnect.KeyOwner, error) {
		return chatconnect.KeyOwner{ClientID: "a", ExpiresAt: &expiry}, nil
	})
	_, err = cache.owner(t.Context(), "expiring")
	require.NoError(t, err)
	clock.advance(300 * time.Millisecond)
	_, err = cache.owner(t.Context(), "expiring")
	require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid, "a key expires while cached")
}

func TestKeyCacheAsksOnce(t *testing.T) {
	t.Parallel()
	var lookups atomic.Int64
	asked, release := make(chan struct{}), make(chan struct{})
	cache := newKeyCache(func(ctx context.Context, _ []byte) (chatconnect.KeyOwner, error) {
		if lookups.Add(1) == 1 {
			close(asked)
		}
		<-release
		return chatconnect.KeyOwner{ClientID: "a"}, ctx.Err()
	})
	hasty, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := cache.owner(hasty, "pk"); left <- err }()
	<-asked
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			owner, err := cache.owner(t.Context(), "pk")
			if err != nil || owner.ClientID != "a" {
				t.Errorf("owner %v, error %v", owner, err)
			}
		})
	}
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	close(release)
	wg.Wait()
	require.EqualValues(t, 1, lookups.Load(), "who leaves takes nobody's answer along")
}

// TestKeyCacheForgetsWhatIsUnderWay: a look-up that began before a change must
// not be kept after it.
func TestKeyCacheForgetsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}, 2), make(chan struct{}, 2)
	var tier atomic.Value
	tier.Store(chatconnect.TierFree)
	cache := newKeyCache(func(context.Context, []byte) (chatconnect.KeyOwner, error) {
		read := tier.Load().(chatconnect.Tier)
		asked <- struct{}{}
		<-release
		return chatconnect.KeyOwner{ClientID: "a", Tier: read}, nil
	})
	done := make(chan struct{})
	go func() { defer close(done); _, _ = cache.owner(t.Context(), "pk") }()
	<-asked
	tier.Store(chatconnect.TierPaid)
	cache.forget("a")
	release <- struct{}{}
	<-done
	release <- struct{}{}
	owner, err := cache.owner(t.Context(), "pk")
	require.NoError(t, err)
	require.Equal(t, chatconnect.TierPaid, owner.Tier)
}

func TestKeyCacheIsBounded(t *testing.T) {
	t.Parallel()
	cache := newKeyCache(func(context.Context, []byte) (chatconnect.KeyOwner, error) {
		return chatconnect.KeyOwner{}, chatconnect.ErrAPIKeyInvalid
	})
	for i := range keyCacheSize + 100 {
		_, err := cache.owner(t.Context(), fmt.Sprint("pk_live_", i))
		require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid)
	}
	require.Len(t, cache.entries, keyCacheSize)
	require.Equal(t, keyCacheSize, cache.recent.Len())
}
