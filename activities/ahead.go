package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

const queryCacheLifetime = 5 * time.Minute

// ahead is what a search needs that is known from its text alone, being
// fetched: the vector, and what the cache holds.
type ahead struct {
	a         *Chat
	text, key string
	lookup    chan *cachedSearch
	embedding chan embedded
}

type embedded struct {
	vector []float32
	err    error
}

// cachedSearch is a search's result, good for the version of the client's
// knowledge that it was made with: any change of the searchable documents
// raises that.
type cachedSearch struct {
	Version  int64                 `json:"version"`
	Passages []chatconnect.Passage `json:"passages"`
}

// searchAhead begins to fetch, until ctx ends. A vector that turns out not to
// be needed costs a look into the embedding cache, as a rule.
func (a *Chat) searchAhead(ctx context.Context, client chatconnect.ClientID, generation chatconnect.Generation, text string) *ahead {
	s := &ahead{
		a: a, text: text, key: queryCacheKey(client, generation, text),
		lookup: make(chan *cachedSearch, 1), embedding: make(chan embedded, 1),
	}
	go func() { s.lookup <- a.cachedSearch(ctx, s.key) }()
	go func() {
		vector, spent, err := vectorOf(ctx, a.Embedders, client, generation, text)
		s.embedding <- embedded{vector: vector, err: err}
		a.countVector(ctx, client, spent)
	}()
	return s
}

// countVector counts what a question's vector took. It is best effort, and
// nobody waits for it.
func (a *Chat) countVector(ctx context.Context, client chatconnect.ClientID, spent chatconnect.Completion) {
	if spent.Usage.InputTokens == 0 || spent.Model == chatconnect.BuiltinEmbedder {
		return
	}
	a.Metrics.Embedded(spent)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logTimeout)
	defer cancel()
	if err := a.Chats.AddUsage(ctx, client, time.Now(), spent); err != nil {
		a.Logger.WarnContext(ctx, "usage of a question's vector not counted", "error", err)
	}
}

// cached returns the passages if the cache holds them for this version.
func (s *ahead) cached(ctx context.Context, version int64) (passages []chatconnect.Passage, hit bool) {
	select {
	case found := <-s.lookup:
		if found != nil && found.Version == version {
			s.a.Metrics.QueryCacheHit()
			return found.Passages, true
		}
	case <-ctx.Done():
	}
	s.a.Metrics.QueryCacheMiss()
	return nil, false
}

func (s *ahead) vector(ctx context.Context) ([]float32, error) {
	select {
	case e := <-s.embedding:
		return e.vector, e.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// queryCacheKey does without the knowledge's version, so that the cache can be
// asked while the version is still being read. Another generation of the index
// finds other passages.
func queryCacheKey(client chatconnect.ClientID, generation chatconnect.Generation, text string) string {
	question := sha256.Sum256([]byte(strings.ToLower(strings.Join(strings.Fields(text), " "))))
	return string(client) + ":query:" + generation.Collection + ":" + hex.EncodeToString(question[:])
}

// cachedSearch returns nil unless the cache holds one. The cache is an
// optimisation: its failures are logged and no more.
func (a *Chat) cachedSearch(ctx context.Context, key string) *cachedSearch {
	value, found, err := a.Cache.Get(ctx, key)
	if err != nil && ctx.Err() == nil {
		a.Logger.WarnContext(ctx, "query cache not read", "error", err)
	}
	if err != nil || !found {
		return nil
	}
	var search cachedSearch
	if err := json.Unmarshal(value, &search); err != nil {
		a.Logger.WarnContext(ctx, "query cache entry not understood", "error", err)
		return nil
	}
	return &search
}

// cacheTimeout bounds what nobody waits for.
const cacheTimeout = 2 * time.Second

// cachePassages keeps a search's result, and does not hold the answer up.
func (a *Chat) cachePassages(ctx context.Context, key string, search cachedSearch) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cacheTimeout)
	go func() {
		defer cancel()
		value, err := json.Marshal(search)
		if err == nil {
			err = a.Cache.Set(ctx, key, value, queryCacheLifetime)
		}
		if err != nil {
			a.Logger.WarnContext(ctx, "query cache not written", "error", err)
		}
	}()
}
