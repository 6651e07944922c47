package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// maxAnswer is the column's limit in code points. An answer beyond it is cut:
// the visitor has seen it, and the log must not be lost.
const maxAnswer = 200_000

func toTurns(rows []sqlcgen.HistoryRow) []chatconnect.Turn {
	turns := make([]chatconnect.Turn, len(rows))
	for i, row := range rows {
		turns[i] = chatconnect.Turn{Question: row.Question, Answer: row.Answer}
	}
	slices.Reverse(turns) // the query reads the newest first
	return turns
}

// LogChat takes now for a question without a time.
func (s *Store) LogChat(ctx context.Context, log chatconnect.ChatLog) error {
	question, answer := log.Question, log.Answer
	queries, err := s.tenant(question.ClientID)
	if err != nil {
		return err
	}
	sources, err := jsonSources(answer.Sources)
	if err != nil {
		return err
	}
	metadata, err := jsonObject(question.Metadata)
	if err != nil {
		return err
	}
	if question.AskedAt.IsZero() {
		question.AskedAt = time.Now()
	}
	_, err = queries.LogChat(ctx, sqlcgen.LogChatParams{
		ClientID: question.ClientID, SessionID: question.SessionID, MessageID: question.MessageID,
		Question: clip(question.Text, chatconnect.MaxMessageRunes), Answer: clip(answer.Text, maxAnswer),
		Sources: sources, Metadata: metadata, Status: log.Status, ErrorCode: clip(log.ErrorCode, 100), Tier: question.Tier,
		Provider: clip(log.Provider, 100), Model: clip(log.Model, 200),
		InputTokens: int64(answer.Usage.InputTokens), OutputTokens: int64(answer.Usage.OutputTokens),
		CachedTokens: int64(answer.Usage.CachedTokens), Cached: answer.Cached,
		LatencyMs: log.Latency.Milliseconds(), TimeToFirstTokenMs: log.TimeToFirstToken.Milliseconds(),
		CostMicrousd: int64(max(log.Cost, 0)), AskedAt: question.AskedAt,
		RewritingModel:       clip(log.Rewriting.Model, 200),
		RewritingInputTokens: int64(log.Rewriting.Usage.InputTokens), RewritingOutputTokens: int64(log.Rewriting.Usage.OutputTokens),
		RewritingCachedTokens: int64(log.Rewriting.Usage.CachedTokens), RewritingCostMicrousd: int64(max(log.Rewriting.Cost, 0)),
	})
	return storeError(err)
}

// AddUsage implements chatconnect.ChatStore.
func (s *Store) AddUsage(ctx context.Context, client chatconnect.ClientID, asked time.Time, spent chatconnect.Completion) error {
	queries, err := s.tenant(client)
	if err != nil {
		return err
	}
	return storeError(queries.AddUsage(ctx, usageParams(client, asked, spent)))
}

func usageParams(client chatconnect.ClientID, at time.Time, spent chatconnect.Completion) sqlcgen.AddUsageParams {
	return sqlcgen.AddUsageParams{
		ClientID: client, Day: date(at), Model: clip(spent.Model, 200),
		InputTokens: int64(spent.Usage.InputTokens), OutputTokens: int64(spent.Usage.OutputTokens),
		CachedTokens: int64(spent.Usage.CachedTokens), CostMicrousd: int64(max(spent.Cost, 0)),
	}
}

// jsonSources is an array even for none.
func jsonSources(sources []chatconnect.Source) (json.RawMessage, error) {
	cleaned := make([]chatconnect.Source, len(sources))
	for i, source := range sources {
		source.Name, source.Snippet = clean(source.Name), clean(source.Snippet)
		cleaned[i] = source
	}
	return json.Marshal(cleaned)
}
