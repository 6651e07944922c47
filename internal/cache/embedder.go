package cache

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Batch is a cache that reads and writes many values in one round trip.
// NewEmbedder uses it where its cache has it.
type Batch interface {
	// GetMany returns one value for each key, nil where there is none.
	GetMany(ctx context.Context, keys []string) ([][]byte, error)
	SetMany(ctx context.Context, entries []Entry, lifetime time.Duration) error
}

// Entry is a value to be kept.
type Entry struct {
	Key   string
	Value []byte
}

// EmbedderOptions configures NewEmbedder. Every field may be left out.
type EmbedderOptions struct {
	Lifetime time.Duration // of a vector, 1 h if 0
	OnHit    func(n int)   // texts of a call found in the cache; called with n > 0
	OnMiss   func(n int)   // texts of a call that were not
	Logger   *slog.Logger  // nil: none
}

// NewEmbedder returns an embedder that asks next only for texts whose vectors
// are not in the cache, each distinct text once. A cache that fails only costs
// money: its errors are logged, and its texts count as misses.
//
// Keys start with the client. A cache that clients shared would let one ask, by
// the time an answer takes, whether another has embedded the very same text.
//
// Embedding.Tokens counts cached texts too: a vector is kept with its part of
// the tokens that it was paid with. Embedding.Paid and Cost leave them out.
func NewEmbedder(next chatconnect.Embedder, cache chatconnect.Cache, options EmbedderOptions) chatconnect.Embedder {
	e := &embedder{next: next, o: options}
	if batch, ok := cache.(Batch); ok {
		e.cache = batch
	} else {
		e.cache = oneByOne{cache}
	}
	if e.o.Lifetime <= 0 {
		e.o.Lifetime = time.Hour
	}
	if e.o.OnHit == nil {
		e.o.OnHit = func(int) {}
	}
	if e.o.OnMiss == nil {
		e.o.OnMiss = func(int) {}
	}
	if e.o.Logger == nil {
		e.o.Logger = slog.New(slog.DiscardHandler)
	}
	return e
}

type embedder struct {
	next  chatconnect.Embedder
	cache Batch
	o     EmbedderOptions
}

func (e *embedder) Model() string   { return e.next.Model() }
func (e *embedder) Dimensions() int { return e.next.Dimensions() }

func (e *embedder) Embed(ctx context.Context, client chatconnect.ClientID, texts []string) (chatconnect.Embedding, error) {
	if len(texts) == 0 {
		return chatconnect.Embedding{Vectors: [][]float32{}}, nil
	}
	keys := e.keys(client, texts)
	vectors, cachedTokens := e.lookUp(ctx, keys)

	// places lists, for each distinct missing text, where its vector belongs.
	var missing []string
	places := make(map[string][]int)
	hits := 0
	for i, v := range vectors {
		if v != nil {
			hits++
			continue
		}
		if len(places[keys[i]]) == 0 {
			missing = append(missing, texts[i])
		}
		places[keys[i]] = append(places[keys[i]], i)
	}
	if hits > 0 {
		e.o.OnHit(hits)
	}
	if len(missing) == 0 {
		return chatconnect.Embedding{Vectors: vectors, Tokens: cachedTokens}, nil
	}
	if ctx.Err() == nil { // else nobody waited, and what the cache has was not heard
		e.o.OnMiss(len(texts) - hits)
	}

	fresh, err := e.next.Embed(ctx, client, missing)
	if err != nil {
		return chatconnect.Embedding{}, err
	}
	if len(fresh.Vectors) != len(missing) {
		return chatconnect.Embedding{}, chatconnect.AsError(
			fmt.Errorf("embedder returned %d vectors for %d texts", len(fresh.Vectors), len(missing)))
	}
	entries := make([]Entry, 0, len(missing))
	tokens := shares(fresh.Tokens, missing)
	for j, text := range missing {
		key := e.key(client, text)
		for n, i := range places[key] {
			if vectors[i] = fresh.Vectors[j]; n > 0 {
				vectors[i] = append([]float32(nil), fresh.Vectors[j]...) // a caller may change one of them
			}
		}
		if len(fresh.Vectors[j]) == e.Dimensions() {
			entries = append(entries, Entry{Key: key, Value: encode(fresh.Vectors[j], tokens[j])})
		}
	}
	// They are paid for, also if nobody waits for them any more.
	if err := e.cache.SetMany(context.WithoutCancel(ctx), entries, e.o.Lifetime); err != nil {
		e.o.Logger.WarnContext(ctx, "embedding cache: not written", "error", err, "texts", len(entries))
	}
	fresh.Vectors = vectors
	fresh.Tokens += cachedTokens
	return fresh, nil
}

// shares divides the tokens of a call among its texts, by their length in
// bytes: a provider tells the sum only. Nothing is lost or added by rounding.
func shares(tokens int, texts []string) []int {
	total := 0
	for _, text := range texts {
		total += len(text)
	}
	parts := make([]int, len(texts))
	bytes, given := 0, 0
	for i, text := range texts {
		bytes += len(text)
		upTo := tokens
		if total > 0 {
			upTo = int(int64(tokens) * int64(bytes) / int64(total))
		}
		parts[i] = upTo - given
		given = upTo
	}
	return parts
}

// lookUp returns the cached vectors, nil for each that is missing or damaged,
// and the tokens of those found, of each distinct one once.
func (e *embedder) lookUp(ctx context.Context, keys []string) (found [][]float32, tokens int) {
	vectors := make([][]float32, len(keys))
	values, err := e.cache.GetMany(ctx, keys)
	if err != nil && ctx.Err() != nil {
		return vectors, 0 // nobody waits for them any more
	}
	if err != nil {
		e.o.Logger.WarnContext(ctx, "embedding cache: not read", "error", err, "texts", len(keys))
		return vectors, 0
	}
	counted := make(map[string]bool, len(keys))
	for i, value := range values {
		if value == nil {
			continue
		}
		var spent int
		if vectors[i], spent = decode(value, e.Dimensions()); vectors[i] != nil && !counted[keys[i]] {
			tokens += spent
			counted[keys[i]] = true
		}
	}
	return vectors, tokens
}

func (e *embedder) keys(client chatconnect.ClientID, texts []string) []string {
	keys := make([]string, len(texts))
	for i, text := range texts {
		keys[i] = e.key(client, text)
	}
	return keys
}

// operatorPrefix starts the keys of texts that belong to no client.
const operatorPrefix = "operator"

func (e *embedder) key(client chatconnect.ClientID, text string) string {
	sum := sha256.Sum256([]byte(text))
	return cmp.Or(string(client), operatorPrefix) + ":embedding:" + e.Model() + ":" + strconv.Itoa(e.Dimensions()) + ":" + hex.EncodeToString(sum[:])
}

// oneByOne makes a Batch of any cache.
type oneByOne struct{ cache chatconnect.Cache }

func (o oneByOne) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	values := make([][]byte, len(keys))
	for i, key := range keys {
		value, found, err := o.cache.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		if found {
			values[i] = value
		}
	}
	return values, nil
}

func (o oneByOne) SetMany(ctx context.Context, entries []Entry, lifetime time.Duration) error {
	for _, e := range entries {
		if err := o.cache.Set(ctx, e.Key, e.Value, lifetime); err != nil {
			return err
		}
	}
	return nil
}
