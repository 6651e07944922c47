package activities

import (
	"context"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	passagesPerAnswer = 5
	turnsOfHistory    = 6
)

// errBudgetExhausted is what visitors read when the client's tokens of the
// month are used up.
var errBudgetExhausted = chatconnect.Errorf(chatconnect.KindForbidden, "budget_exhausted",
	"This chat has reached its limit for this month. Please contact the owner of this site.")

// Retrieve reads what the answer depends on and finds the passages that fit
// the question, among the revisions that are active at this moment.
//
// Everything that needs only the question is asked for at once: a question
// without history waits for the slowest of database, caches and embedder, and
// then for the search.
func (a *Chat) Retrieve(ctx context.Context, in *temporal.ChatInput) (*temporal.RetrieveResult, error) {
	if isSmallTalk(in.Text) {
		return a.retrieveSmallTalk(ctx, in)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := time.Now()
	generations, err := a.Index.Generations(ctx)
	if err != nil {
		return nil, encodeFor(err, languageOfInput(in))
	}
	search := func(text string) *ahead { return a.searchAhead(ctx, in.ClientID, generations.Active, text) }
	var ahead *ahead
	if !a.exhausted.has(in.ClientID) {
		ahead = search(in.Text)
	}
	found, err := a.Chats.ChatContext(ctx, in.ClientID, in.SessionID, turnsOfHistory)
	locale := language.Of(in.Text, languageContext(in, found))
	if err != nil {
		return nil, encodeFor(err, locale)
	}
	if err := a.checkBudget(ctx, in, found.Budget); err != nil {
		return nil, encodeFor(err, locale)
	}
	read := time.Since(started)
	result := &temporal.RetrieveResult{History: withoutSmallTalk(found.History), ChosenModel: found.Model, ReplyLanguage: string(locale)}
	if found.Knowledge.Ready == 0 {
		return result, nil
	}
	if result.Rewritten = a.rewrite(ctx, in, result.History); result.Rewritten.Text != in.Text {
		ahead = search(result.Rewritten.Text)
	} else {
		result.Rewritten.Text = "" // the question itself
		if ahead == nil {
			ahead = search(in.Text)
		}
	}
	if result.Passages, result.Cached = ahead.cached(ctx, found.Knowledge.Version); result.Cached {
		return result, nil
	}
	vector, err := ahead.vector(ctx)
	ready := time.Since(started)
	if err == nil {
		result.Passages, err = a.Index.Search(ctx, in.ClientID, chatconnect.SearchQuery{
			Text: ahead.text, Vector: vector, Generation: generations.Active,
			Limit: passagesPerAnswer, Inactive: found.Knowledge.Inactive,
		})
	}
	if err != nil {
		a.rewrittenInVain(ctx, in, ahead.text, result.Rewritten)
		return nil, encodeFor(err, locale)
	}
	a.Logger.DebugContext(ctx, "retrieved", "message_id", in.MessageID, "context_read", read, "vector_ready", ready, "searched", time.Since(started))
	a.cachePassages(ctx, ahead.key, cachedSearch{found.Knowledge.Version, result.Passages})
	return result, nil
}
