package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

var _ chatconnect.ConversationStore = (*Store)(nil)

// exportPage is how many exchanges are read at once for an export: an answer
// may have 200,000 characters.
const exportPage = 100

// The bounds of a filter without any.
var (
	beginning = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	end       = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

func (s *Store) SaveFeedback(ctx context.Context, client chatconnect.ClientID, feedback chatconnect.Feedback, asked bool) error {
	queries, err := s.tenant(client)
	if err != nil {
		return err
	}
	saved, err := queries.SaveFeedback(ctx, sqlcgen.SaveFeedbackParams{
		ClientID: string(client), SessionID: string(feedback.SessionID), MessageID: string(feedback.MessageID),
		Rating: string(feedback.Rating), Comment: clip(feedback.Comment, chatconnect.MaxCommentRunes), Asked: asked,
	})
	if err == nil && saved == 0 {
		return chatconnect.ErrNotFound
	}
	return storeError(err)
}

func (s *Store) Exchanges(ctx context.Context, client chatconnect.ClientID, session chatconnect.SessionID, n int) ([]chatconnect.Exchange, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return nil, err
	}
	rows, err := queries.Exchanges(ctx, sqlcgen.ExchangesParams{ClientID: client, SessionID: session, MaxRows: max(n, 0)})
	if err != nil {
		return nil, storeError(err)
	}
	exchanges := make([]chatconnect.Exchange, len(rows))
	for i, row := range rows {
		if exchanges[i], err = toExchange(row.ChatLog, row.Rating, row.Comment); err != nil {
			return nil, err
		}
	}
	slices.Reverse(exchanges) // the query reads the newest first
	return exchanges, nil
}

// Conversations takes a Limit of 0 for 50, and one above 200 for 200.
func (s *Store) Conversations(ctx context.Context, client chatconnect.ClientID, filter chatconnect.ConversationFilter) ([]chatconnect.Conversation, string, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return nil, "", err
	}
	after, err := decodeConversationCursor(filter.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageSize(filter.Limit)
	from, to := bounds(filter)
	rows, err := queries.Conversations(ctx, sqlcgen.ConversationsParams{
		ClientID: client, Pattern: containing(filter.Search), Status: string(filter.Status), Rating: string(filter.Rating),
		AskedFrom: from, AskedTo: to, Before: after.createdAt, BeforeSession: after.id,
		MaxRows: limit + 1, // one more tells whether there is a next page
	})
	if err != nil {
		return nil, "", storeError(err)
	}
	rows, next := pageOf(rows, limit, func(last sqlcgen.ConversationsRow) cursor { return cursor{last.AskedAt, string(last.SessionID)} })
	conversations := make([]chatconnect.Conversation, len(rows))
	for i, row := range rows {
		conversations[i] = chatconnect.Conversation{
			SessionID: row.SessionID, Question: row.Question, Status: chatconnect.ChatStatus(row.Status),
			Messages: row.Messages, Up: row.Up, Down: row.Down, LastMessageAt: row.AskedAt,
		}
	}
	return conversations, next, nil
}

// EachExchange reads page by page, so that no statement runs into its time
// limit; what is logged meanwhile is newer than the first page and not in it.
func (s *Store) EachExchange(ctx context.Context, client chatconnect.ClientID, filter chatconnect.ConversationFilter, most int, do func(chatconnect.Exchange) error) error {
	queries, err := s.tenant(client)
	if err != nil {
		return err
	}
	from, to := bounds(filter)
	page := sqlcgen.ExchangesMeetingParams{
		ClientID: client, Pattern: containing(filter.Search), Status: string(filter.Status), Rating: string(filter.Rating),
		AskedFrom: from, AskedTo: to, Before: end,
	}
	for most > 0 {
		page.MaxRows = min(exportPage, most)
		rows, err := queries.ExchangesMeeting(ctx, page)
		if err != nil {
			return storeError(err)
		}
		for _, row := range rows {
			exchange, err := toExchange(row.ChatLog, row.Rating, row.Comment)
			if err != nil {
				return err
			}
			if err := do(exchange); err != nil {
				return err
			}
		}
		if len(rows) < page.MaxRows {
			return nil
		}
		most -= len(rows)
		last := rows[len(rows)-1].ChatLog
		page.Before, page.BeforeSession, page.BeforeMessage = last.AskedAt, string(last.SessionID), string(last.MessageID)
	}
	return nil
}

func (s *Store) Usage(ctx context.Context, client chatconnect.ClientID, from, to time.Time) ([]chatconnect.DayUsage, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return nil, err
	}
	rows, err := queries.Usage(ctx, sqlcgen.UsageParams{ClientID: client, FirstDay: date(from), EndDay: date(to)})
	if err != nil {
		return nil, storeError(err)
	}
	days := make([]chatconnect.DayUsage, len(rows))
	for i, row := range rows {
		days[i] = chatconnect.DayUsage{
			Day: row.Day.Time.Format(time.DateOnly), Model: row.Model,
			Questions: row.Questions, Answered: row.Answered, Unanswered: row.Unanswered,
			SmallTalk: row.Smalltalk, Handoffs: row.HandoffRequested, Stopped: row.Stopped, Failed: row.Failed,
			InputTokens: row.InputTokens, OutputTokens: row.OutputTokens, CachedTokens: row.CachedTokens,
			Cost: chatconnect.MicroUSD(row.CostMicrousd),
		}
	}
	return days, nil
}

func date(t time.Time) pgtype.Date { return pgtype.Date{Time: t.UTC(), Valid: true} }

func bounds(filter chatconnect.ConversationFilter) (from, to time.Time) {
	from, to = filter.From, filter.To
	if from.Before(beginning) {
		from = beginning
	}
	if to.IsZero() || to.After(end) {
		to = end
	}
	return from, to
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// containing is the pattern of texts with search in them, "" for every text.
func containing(search string) string {
	if search = clean(search); search == "" {
		return ""
	}
	return "%" + likeEscapes.Replace(search) + "%"
}

// decodeConversationCursor takes a session's id, which a visitor chose, where
// other lists have a UUID.
func decodeConversationCursor(encoded string) (cursor, error) {
	if encoded == "" {
		return cursor{createdAt: end}, nil
	}
	decoded, err := decodeStamp(encoded)
	if err == nil && !chatconnect.ValidVisitorID(decoded.id) {
		err = errCursor
	}
	return decoded, err
}

func toExchange(row sqlcgen.ChatLog, rating, comment string) (chatconnect.Exchange, error) {
	exchange := chatconnect.Exchange{
		SessionID: row.SessionID, MessageID: row.MessageID, Question: row.Question, Answer: row.Answer,
		Status: row.Status, ErrorCode: row.ErrorCode, Rating: chatconnect.Rating(rating), Comment: comment,
		Provider: row.Provider, Model: row.Model, Cached: row.Cached, Cost: chatconnect.MicroUSD(row.CostMicrousd),
		Usage:     chatconnect.Usage{InputTokens: int(row.InputTokens), OutputTokens: int(row.OutputTokens), CachedTokens: int(row.CachedTokens)},
		LatencyMS: row.LatencyMs, TimeToFirstTokenMS: row.TimeToFirstTokenMs, AskedAt: row.AskedAt,
		Sources: []chatconnect.Source{}, Metadata: map[string]any{},
	}
	if err := json.Unmarshal(row.Sources, &exchange.Sources); err != nil {
		return exchange, err
	}
	return exchange, json.Unmarshal(row.Metadata, &exchange.Metadata)
}
