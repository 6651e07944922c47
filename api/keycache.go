package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	// keyFresh bounds how long a revoked key, a changed tier or a removed
	// domain can live on in another process.
	keyFresh      = time.Second
	keyCacheSize  = 10_000 // of valid keys, and again of wrong ones
	keyLookupTime = 3 * time.Second
	// strangersAtOnce is how many unknown keys the database is asked about at
	// the same time. Whatever storm of wrong keys there is, it leaves the rest
	// of the connections to those who are known.
	strangersAtOnce = 4
)

type tokenHash = [sha256.Size]byte

// keyEntry is what a look-up of a key answered.
type keyEntry struct {
	hash  tokenHash
	owner chatconnect.KeyOwner
	err   error // ErrAPIKeyInvalid, or nil
	at    time.Time
}

// keyCache keeps key look-ups for a second, wrong keys too, and asks the
// database once for any number of simultaneous questions.
//
// A key that was valid when it was last asked for is known: it is looked up
// again whoever sends it. Unknown ones are counted by where they come from, as
// guesses, until they prove valid. Both kinds are kept apart, so that no number
// of wrong keys makes a known one unknown.
type keyCache struct {
	lookup    func(ctx context.Context, tokenHash []byte) (chatconnect.KeyOwner, error)
	now       func() time.Time
	flight    singleflight.Group
	guesses   *guesses
	strangers chan struct{} // holds a token for each unknown key that is being looked up

	mu           sync.Mutex
	generation   int // raised by forget: a look-up begun before must not be kept
	valid, wrong *simplelru.LRU[tokenHash, *keyEntry]
}

func newKeyCache(lookup func(context.Context, []byte) (chatconnect.KeyOwner, error)) *keyCache {
	return &keyCache{
		lookup: lookup, now: time.Now, guesses: newGuesses(), strangers: make(chan struct{}, strangersAtOnce),
		valid: newRecent[tokenHash, *keyEntry](keyCacheSize), wrong: newRecent[tokenHash, *keyEntry](keyCacheSize),
	}
}

// newRecent keeps so many entries; whichever wasn't asked for the longest goes
// first.
func newRecent[K comparable, V any](most int) *simplelru.LRU[K, V] {
	entries, err := simplelru.NewLRU[K, V](most, nil)
	if err != nil {
		panic(err) // for less than one
	}
	return entries
}

// owner returns whom the token belongs to, or ErrAPIKeyInvalid. From are the
// limits that an unknown token counts against, none for callers who are
// trusted; over them nothing is looked up, and the error is rate_limited.
func (k *keyCache) owner(ctx context.Context, token string, from []chatconnect.RateLimit) (chatconnect.KeyOwner, error) {
	hash := sha256.Sum256([]byte(token))
	entry, known := k.get(hash)
	if entry == nil {
		var err error
		if entry, err = k.ask(ctx, hash, known, from); err != nil {
			return chatconnect.KeyOwner{}, err
		}
	}
	if entry.err != nil {
		return chatconnect.KeyOwner{}, entry.err
	}
	if expiry := entry.owner.ExpiresAt; expiry != nil && !k.now().Before(*expiry) {
		return chatconnect.KeyOwner{}, chatconnect.ErrAPIKeyInvalid
	}
	return entry.owner, nil
}

// ask looks a token up.
func (k *keyCache) ask(ctx context.Context, hash tokenHash, known bool, from []chatconnect.RateLimit) (*keyEntry, error) {
	if !known {
		if wait := k.guesses.count(from); wait > 0 {
			return nil, tooManyGuesses(wait)
		}
	}
	// The look-up serves everyone who waits, so it doesn't end with the
	// request that happened to begin it.
	result := k.flight.DoChan(string(hash[:]), func() (any, error) { return k.find(context.WithoutCancel(ctx), hash, known) })
	select {
	case <-ctx.Done():
		return nil, ctx.Err() // and the guess stays counted: leaving early must not be free
	case r := <-result:
		entry, _ := r.Val.(*keyEntry)
		if !known && (entry == nil || entry.err == nil) {
			k.guesses.forgive(from)
		}
		if r.Err != nil {
			return nil, unavailable("keys_unavailable", "The service is not available at this moment. Please try again.", r.Err)
		}
		return entry, nil
	}
}

// find asks the database and keeps its answer.
func (k *keyCache) find(ctx context.Context, hash tokenHash, known bool) (*keyEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, keyLookupTime)
	defer cancel()
	if !known {
		select {
		case k.strangers <- struct{}{}:
			defer func() { <-k.strangers }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	generation, asked := k.begin()
	owner, err := k.lookup(ctx, hash[:])
	if err != nil && !errors.Is(err, chatconnect.ErrAPIKeyInvalid) {
		return nil, err
	}
	entry := &keyEntry{hash: hash, owner: owner, err: err, at: asked}
	k.put(entry, generation)
	return entry, nil
}

func tooManyGuesses(wait time.Duration) error {
	return &chatconnect.Error{
		Kind: chatconnect.KindRateLimited, Code: "rate_limited", RetryAfter: max(wait, time.Second),
		Message: "Too many wrong API keys came from this address. Please wait a moment and try again.",
	}
}

// get returns what is still fresh, nil if nothing is, and whether the token is
// known.
func (k *keyCache) get(hash tokenHash) (fresh *keyEntry, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	entry, known := k.valid.Get(hash)
	if !known {
		entry, _ = k.wrong.Get(hash)
	}
	if entry == nil || k.now().Sub(entry.at) >= keyFresh {
		return nil, known
	}
	return entry, known
}

// begin notes when a look-up is asked: what it answers is as old as that.
func (k *keyCache) begin() (generation int, asked time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.generation, k.now()
}

func (k *keyCache) put(entry *keyEntry, generation int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if generation != k.generation {
		return
	}
	if entry.err != nil {
		k.valid.Remove(entry.hash)
		k.wrong.Add(entry.hash, entry)
		return
	}
	k.wrong.Remove(entry.hash)
	k.valid.Add(entry.hash, entry)
}

// forget drops what is known about a client's keys, so that a change made
// through this process is seen by it at once.
func (k *keyCache) forget(client chatconnect.ClientID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generation++
	for _, entry := range k.valid.Values() {
		if entry.owner.ClientID == client {
			k.valid.Remove(entry.hash)
		}
	}
}
