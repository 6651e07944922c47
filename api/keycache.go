package api

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	// keyFresh bounds how long a revoked key, a changed tier or a removed
	// domain can live on in another process.
	keyFresh      = time.Second
	keyCacheSize  = 10_000
	keyLookupTime = 3 * time.Second
)

type tokenHash = [sha256.Size]byte

// keyCache keeps key look-ups for a second, wrong keys too, and asks the
// database once for any number of simultaneous questions.
type keyCache struct {
	lookup func(ctx context.Context, tokenHash []byte) (chatconnect.KeyOwner, error)
	now    func() time.Time
	flight singleflight.Group

	mu         sync.Mutex
	generation int // raised by forget: a look-up begun before must not be kept
	entries    map[tokenHash]*list.Element
	recent     *list.List // of *keyEntry, most recently used first
}

type keyEntry struct {
	hash  tokenHash
	owner chatconnect.KeyOwner
	err   error // ErrAPIKeyInvalid, or nil
	at    time.Time
}

func newKeyCache(lookup func(context.Context, []byte) (chatconnect.KeyOwner, error)) *keyCache {
	return &keyCache{lookup: lookup, now: time.Now, entries: map[tokenHash]*list.Element{}, recent: list.New()}
}

// owner returns whom the token belongs to, or ErrAPIKeyInvalid.
func (k *keyCache) owner(ctx context.Context, token string) (chatconnect.KeyOwner, error) {
	hash := sha256.Sum256([]byte(token))
	entry, found := k.get(hash)
	if !found {
		// The look-up serves everyone who waits, so it doesn't end with the
		// request that happened to begin it.
		result := k.flight.DoChan(string(hash[:]), func() (any, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyLookupTime)
			defer cancel()
			generation, asked := k.begin()
			owner, err := k.lookup(ctx, hash[:])
			if err != nil && !errors.Is(err, chatconnect.ErrAPIKeyInvalid) {
				return nil, err
			}
			entry := &keyEntry{hash: hash, owner: owner, err: err, at: asked}
			k.put(entry, generation)
			return entry, nil
		})
		select {
		case <-ctx.Done():
			return chatconnect.KeyOwner{}, ctx.Err()
		case r := <-result:
			if r.Err != nil {
				return chatconnect.KeyOwner{}, unavailable("keys_unavailable", "The service is not available at this moment. Please try again.", r.Err)
			}
			entry = r.Val.(*keyEntry)
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

func (k *keyCache) get(hash tokenHash) (*keyEntry, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	element, found := k.entries[hash]
	if !found {
		return nil, false
	}
	entry := element.Value.(*keyEntry)
	if k.now().Sub(entry.at) >= keyFresh {
		k.recent.Remove(element)
		delete(k.entries, hash)
		return nil, false
	}
	k.recent.MoveToFront(element)
	return entry, true
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
	if element, found := k.entries[entry.hash]; found {
		k.recent.Remove(element)
	}
	k.entries[entry.hash] = k.recent.PushFront(entry)
	for k.recent.Len() > keyCacheSize {
		oldest := k.recent.Back()
		k.recent.Remove(oldest)
		delete(k.entries, oldest.Value.(*keyEntry).hash)
	}
}

// forget drops what is known about a client's keys, so that a change made
// through this process is seen by it at once.
func (k *keyCache) forget(client chatconnect.ClientID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generation++
	for hash, element := range k.entries {
		if entry := element.Value.(*keyEntry); entry.owner.ClientID == client {
			k.recent.Remove(element)
			delete(k.entries, hash)
		}
	}
}
