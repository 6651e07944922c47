package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	passagesPerAnswer  = 5
	turnsOfHistory     = 6
	queryCacheLifetime = 5 * time.Minute
)

// Retrieve reads the session's history and finds the passages that fit the
// question, among the revisions that are active at this moment.
func (a *Chat) Retrieve(ctx context.Context, in *temporal.ChatInput) (*temporal.RetrieveResult, error) {
	history, err := a.Chats.History(ctx, in.ClientID, in.SessionID, turnsOfHistory)
	if err != nil {
		return nil, temporal.EncodeError(err)
	}
	result := &temporal.RetrieveResult{History: history}
	knowledge, err := a.Documents.Knowledge(ctx, in.ClientID)
	if err != nil {
		return nil, temporal.EncodeError(err)
	}
	if knowledge.Ready == 0 {
		return result, nil
	}
	generations, err := a.Index.Generations(ctx)
	if err != nil {
		return nil, temporal.EncodeError(err)
	}
	key := queryCacheKey(in, knowledge.Version, generations.Active)
	if result.Passages = a.cachedPassages(ctx, key); result.Passages != nil {
		result.Cached = true
		return result, nil
	}
	vector, err := vectorOf(ctx, a.Embedders, generations.Active, in.Text)
	if err != nil {
		return nil, temporal.EncodeError(err)
	}
	result.Passages, err = a.Index.Search(ctx, in.ClientID, chatconnect.SearchQuery{
		Text: in.Text, Vector: vector, Generation: generations.Active,
		Limit: passagesPerAnswer, Inactive: knowledge.Inactive,
	})
	if err != nil {
		return nil, temporal.EncodeError(err)
	}
	a.cachePassages(ctx, key, result.Passages)
	return result, nil
}

// queryCacheKey contains the knowledge version, so that any change of the
// searchable documents makes every older entry unreachable, and so does another
// generation of the index.
func queryCacheKey(in *temporal.ChatInput, knowledgeVersion int64, generation chatconnect.Generation) string {
	question := sha256.Sum256([]byte(strings.ToLower(strings.Join(strings.Fields(in.Text), " "))))
	return string(in.ClientID) + ":query:" + strconv.FormatInt(knowledgeVersion, 10) + ":" + generation.Collection + ":" + hex.EncodeToString(question[:])
}

// cachedPassages returns nil unless the cache holds the search's result. The
// cache is an optimisation: its failures are logged and no more.
func (a *Chat) cachedPassages(ctx context.Context, key string) []chatconnect.Passage {
	value, found, err := a.Cache.Get(ctx, key)
	if err != nil {
		a.Logger.WarnContext(ctx, "query cache not read", "error", err)
	}
	if err != nil || !found {
		return nil
	}
	var passages []chatconnect.Passage
	if err := json.Unmarshal(value, &passages); err != nil {
		a.Logger.WarnContext(ctx, "query cache entry not understood", "error", err)
		return nil
	}
	return passages
}

func (a *Chat) cachePassages(ctx context.Context, key string, passages []chatconnect.Passage) {
	value, err := json.Marshal(passages)
	if err == nil {
		err = a.Cache.Set(ctx, key, value, queryCacheLifetime)
	}
	if err != nil {
		a.Logger.WarnContext(ctx, "query cache not written", "error", err)
	}
}
