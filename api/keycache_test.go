package api

import (
	"context"
	"crypto/sha256"
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
		owner, err := cache.owner(t.Context(), "pk", nil)
		require.NoError(t, err)
		require.EqualValues(t, "a", owner.ClientID)
	}
	require.EqualValues(t, 1, lookups.Load())

	answer.Store(revoked)
	clock.advance(999 * time.Millisecond)
	_, err := cache.owner(t.Context(), "pk", nil)
	require.NoError(t, err)
	clock.advance(time.Millisecond)
	for range 5 {
		_, err = cache.owner(t.Context(), "pk", nil)
		require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid, "revoked within a second")
	}
	require.EqualValues(t, 2, lookups.Load(), "wrong keys are kept too")

	answer.Store(func() (chatconnect.KeyOwner, error) { return chatconnect.KeyOwner{}, errors.New("down") })
	clock.advance(time.Second)
	_, err = cache.owner(t.Context(), "pk", nil)
	require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
	answer.Store(valid)
	_, err = cache.owner(t.Context(), "pk", nil)
	require.NoError(t, err, "an outage is not kept")

	answer.Store(revoked)
	cache.forget("a")
	_, err = cache.owner(t.Context(), "pk", nil)
	require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid, "forget takes effect at once")

	expiry := clock.now().Add(300 * time.Millisecond)
	answer.Store(func() (chatconnect.KeyOwner, error) {
		return chatconnect.KeyOwner{ClientID: "a", ExpiresAt: &expiry}, nil
	})
	_, err = cache.owner(t.Context(), "expiring", nil)
	require.NoError(t, err)
	clock.advance(300 * time.Millisecond)
	_, err = cache.owner(t.Context(), "expiring", nil)
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
		if errors.Is(ctx.Err(), context.Canceled) {
			return chatconnect.KeyOwner{}, ctx.Err()
		}
		return chatconnect.KeyOwner{ClientID: "a"}, nil
	})
	cache.now = (&clock{}).now // who comes late finds the answer still fresh
	hasty, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := cache.owner(hasty, "pk", nil); left <- err }()
	<-asked
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			owner, err := cache.owner(t.Context(), "pk", nil)
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
	go func() { defer close(done); _, _ = cache.owner(t.Context(), "pk", nil) }()
	<-asked
	tier.Store(chatconnect.TierPaid)
	cache.forget("a")
	release <- struct{}{}
	<-done
	release <- struct{}{}
	owner, err := cache.owner(t.Context(), "pk", nil)
	require.NoError(t, err)
	require.Equal(t, chatconnect.TierPaid, owner.Tier)
}

// TestKeyCacheIsBounded: wrong keys push out each other, never a known one.
func TestKeyCacheIsBounded(t *testing.T) {
	t.Parallel()
	var lookups atomic.Int64
	cache := newKeyCache(func(_ context.Context, hash []byte) (chatconnect.KeyOwner, error) {
		lookups.Add(1)
		if tokenHash(hash) == sha256.Sum256([]byte("known")) {
			return chatconnect.KeyOwner{ClientID: "a"}, nil
		}
		return chatconnect.KeyOwner{}, chatconnect.ErrAPIKeyInvalid
	})
	cache.now = (&clock{}).now
	_, err := cache.owner(t.Context(), "known", nil)
	require.NoError(t, err)
	for i := range keyCacheSize + 100 {
		_, err := cache.owner(t.Context(), fmt.Sprint("pk_live_", i), nil)
		require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid)
	}
	require.Equal(t, keyCacheSize, cache.wrong.Len())
	require.Equal(t, 1, cache.valid.Len())
	before := lookups.Load()
	_, err = cache.owner(t.Context(), "known", nil)
	require.NoError(t, err)
	require.Equal(t, before, lookups.Load())
}

// TestOnlyStrangersGuess: a known key is looked up again whoever sends it, an
// unknown one only within the limit, and one that proves valid costs nothing.
func TestOnlyStrangersGuess(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	var lookups int
	valid := map[string]bool{"a": true, "b": true, "c": true}
	hashes := map[tokenHash]bool{}
	for token := range valid {
		hashes[sha256.Sum256([]byte(token))] = true
	}
	down := false
	cache := newKeyCache(func(_ context.Context, hash []byte) (chatconnect.KeyOwner, error) {
		lookups++
		switch {
		case down:
			return chatconnect.KeyOwner{}, errors.New("down")
		case hashes[tokenHash(hash)]:
			return chatconnect.KeyOwner{ClientID: "a"}, nil
		}
		return chatconnect.KeyOwner{}, chatconnect.ErrAPIKeyInvalid
	})
	cache.now, cache.guesses.now = clock.now, clock.now
	from := []chatconnect.RateLimit{{Key: "ip:1", PerMinute: 2}, {Key: "net:1", PerMinute: 3}}
	try := func(token string, from []chatconnect.RateLimit) error {
		_, err := cache.owner(t.Context(), token, from)
		return err
	}
	down = true
	for range 5 {
		require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(try("a", from)).Kind, "an outage is nobody's guess")
	}
	down = false
	for range 3 { // none counts, or the third would be refused
		for token := range valid {
			require.NoError(t, try(token, from))
		}
		cache.forget("a")
	}
	require.NoError(t, try("a", from))
	for i := range 2 {
		require.ErrorIs(t, try(fmt.Sprint("wrong", i), from), chatconnect.ErrAPIKeyInvalid)
	}
	lookups = 0
	for range 3 {
		refusal := chatconnect.AsError(try("wrong2", from))
		require.Equal(t, chatconnect.KindRateLimited, refusal.Kind)
		require.InDelta(t, 30*time.Second, refusal.RetryAfter, float64(time.Second))
	}
	require.Equal(t, chatconnect.KindRateLimited, chatconnect.AsError(try("b", from)).Kind, "a valid key that nobody has used here is a guess")
	require.ErrorIs(t, try("wrong0", from), chatconnect.ErrAPIKeyInvalid, "what is still known to be wrong needs no look-up")
	require.Zero(t, lookups)
	clock.advance(time.Second)
	require.NoError(t, try("a", from), "a known one is looked up again")
	require.Equal(t, 1, lookups)
	require.NoError(t, try("b", nil), "our own servers don't guess")

	// Another address of the same network, of which one guess is left.
	neighbour := []chatconnect.RateLimit{{Key: "ip:2", PerMinute: 2}, {Key: "net:1", PerMinute: 3}}
	require.ErrorIs(t, try("wrong3", neighbour), chatconnect.ErrAPIKeyInvalid)
	require.Equal(t, chatconnect.KindRateLimited, chatconnect.AsError(try("wrong4", neighbour)).Kind)

	// A revoked key is a stranger from its next look-up on.
	delete(hashes, sha256.Sum256([]byte("a")))
	clock.advance(time.Second)
	require.ErrorIs(t, try("a", from), chatconnect.ErrAPIKeyInvalid)
	clock.advance(time.Second)
	require.Equal(t, chatconnect.KindRateLimited, chatconnect.AsError(try("a", from)).Kind)

	clock.advance(time.Minute)
	require.ErrorIs(t, try("wrong5", from), chatconnect.ErrAPIKeyInvalid, "a minute later all is forgiven")
}

// TestStrangersDontCrowdOutTheKnown: however many unknown keys wait for the
// database, few are asked about at once, and known ones don't wait for them.
func TestStrangersDontCrowdOutTheKnown(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	var atOnce, most atomic.Int64
	asked, release := make(chan struct{}, 100), make(chan struct{})
	cache := newKeyCache(func(_ context.Context, hash []byte) (chatconnect.KeyOwner, error) {
		if tokenHash(hash) == sha256.Sum256([]byte("known")) {
			return chatconnect.KeyOwner{ClientID: "a"}, nil
		}
		defer atOnce.Add(-1)
		if now := atOnce.Add(1); now > most.Load() {
			most.Store(now)
		}
		asked <- struct{}{}
		<-release
		return chatconnect.KeyOwner{}, chatconnect.ErrAPIKeyInvalid
	})
	cache.now = clock.now
	_, err := cache.owner(t.Context(), "known", nil)
	require.NoError(t, err)
	var strangers sync.WaitGroup
	for i := range 5 * strangersAtOnce {
		strangers.Go(func() { _, _ = cache.owner(t.Context(), fmt.Sprint(i), nil) })
	}
	for range strangersAtOnce {
		<-asked
	}
	clock.advance(time.Second)
	_, err = cache.owner(t.Context(), "known", nil)
	require.NoError(t, err)
	close(release)
	strangers.Wait()
	require.LessOrEqual(t, most.Load(), int64(strangersAtOnce))
}

func TestGuessesAreBounded(t *testing.T) {
	t.Parallel()
	g := newGuesses()
	g.now = (&clock{}).now
	limits := func(i int) []chatconnect.RateLimit {
		return []chatconnect.RateLimit{{Key: fmt.Sprint(i), PerMinute: 1}}
	}
	for i := range guessesSize {
		require.Zero(t, g.count(limits(i)))
	}
	require.Positive(t, g.count(limits(0)), "and is now the latest")
	require.Zero(t, g.count(limits(-1)))
	require.Positive(t, g.count(limits(0)))
	require.Zero(t, g.count(limits(1)), "who guessed longest ago is forgotten")
	require.Equal(t, guessesSize, g.forgiven.Len())
	g.forgive(limits(-2)) // nobody
}
