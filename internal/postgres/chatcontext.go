package postgres

import (
	"context"
	"encoding/json"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// ChatContext implements chatconnect.ChatStore.
func (s *Store) ChatContext(ctx context.Context, client chatconnect.ClientID, session chatconnect.SessionID, n int) (chatconnect.ChatContext, error) {
	var (
		turns     []sqlcgen.HistoryRow
		knowledge sqlcgen.KnowledgeRow
		settings  sqlcgen.AnswerSettingsRow
	)
	budget := s.budgetParams(client)
	err := s.together(ctx, client,
		func(q *sqlcgen.Queries) (err error) {
			knowledge, err = q.Knowledge(ctx, client)
			return err
		},
		func(q *sqlcgen.Queries) (err error) {
			turns, err = q.History(ctx, sqlcgen.HistoryParams{ClientID: client, SessionID: session, MaxRows: max(n, 0)})
			return err
		},
		func(q *sqlcgen.Queries) (err error) {
			settings, err = q.AnswerSettings(ctx, budget)
			return err
		},
	)
	if err != nil {
		return chatconnect.ChatContext{}, storeError(err)
	}
	found := chatconnect.ChatContext{History: toTurns(turns), Model: settings.Model, Locale: settings.Locale, Budget: s.toBudget(settings)}
	found.Knowledge, err = toKnowledge(knowledge)
	return found, err
}

// WarnOfBudget implements chatconnect.ChatStore.
func (s *Store) WarnOfBudget(ctx context.Context, client chatconnect.ClientID, budget chatconnect.TokenBudget) (first bool, err error) {
	queries, err := s.tenant(client)
	if err != nil {
		return false, err
	}
	details, err := json.Marshal(budgetDetails(budget))
	if err != nil {
		return false, err
	}
	rows, err := queries.WarnOfBudget(ctx, sqlcgen.WarnOfBudgetParams{ClientID: client, Details: details})
	return rows > 0, storeError(err)
}
