package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func exchange(b *bundle, message string, at time.Time) chatconnect.ChatLog {
	return chatconnect.ChatLog{
		Question: chatconnect.Question{
			ClientID: b.client, SessionID: "visitor-1", MessageID: chatconnect.MessageID(message), Text: "Q " + message,
			Tier: chatconnect.TierFree, AskedAt: at,
		},
		Answer: chatconnect.Answer{
			Text: "A " + message, Usage: chatconnect.Usage{InputTokens: 100, OutputTokens: 20, CachedTokens: 60},
			Sources: []chatconnect.Source{{Index: 1, Name: "manual.pdf", Page: 2}},
		},
		Status: chatconnect.ChatAnswered, Provider: "openai", Model: "gpt-4o-mini",
		Latency: 1500 * time.Millisecond, TimeToFirstToken: 300 * time.Millisecond,
	}
}

func TestAChatIsLoggedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	at := time.Date(2026, 11, 23, 23, 59, 59, 0, time.FixedZone("", -3*3600)) // the 24th in UTC
	errs := make(chan error)
	for call := range 12 {
		go func() {
			errs <- b.store.LogChat(context.WithoutCancel(ctx), exchange(b, fmt.Sprint("m", call%3), at.Add(time.Duration(call%3)*time.Second)))
		}()
	}
	for range 12 {
		require.NoError(t, <-errs)
	}
	failed := exchange(b, "m9", at)
	failed.Status, failed.ErrorCode, failed.Model = chatconnect.ChatFailed, "model_unavailable", ""
	failed.Answer = chatconnect.Answer{}
	require.NoError(t, b.store.LogChat(ctx, failed))

	require.Equal(t, 4, query[int](b, `SELECT count(*) FROM chat_logs`))
	require.Equal(t, 4, query[int](b, `SELECT messages FROM chat_sessions`))
	require.Equal(t, "2026-11-24 gpt-4o-mini 3 3 0 0 300 60 180", query[string](b,
		`SELECT concat_ws(' ', day, model, questions, answered, unanswered, failed, input_tokens, output_tokens, cached_tokens)
		 FROM usage_stats WHERE model <> ''`))
	require.Equal(t, "1 0 1", query[string](b, `SELECT concat_ws(' ', questions, answered, failed) FROM usage_stats WHERE model = ''`))
	require.Equal(t, "1500 300 manual.pdf", query[string](b,
		`SELECT concat_ws(' ', latency_ms, time_to_first_token_ms, sources->0->>'name') FROM chat_logs WHERE message_id = 'm1'`))

	got, err := b.store.ChatContext(ctx, b.client, "visitor-1", 2)
	require.NoError(t, err)
	require.Equal(t, []chatconnect.Turn{{Question: "Q m1", Answer: "A m1"}, {Question: "Q m2", Answer: "A m2"}}, got.History)
}

// What rewriting a question took is booked under the model that did it, in the
// day's row of that model. The log has one line, with all of it.
func TestRewritingIsBookedUnderItsModel(t *testing.T) {
	t.Parallel()
	const small, large = "gpt-4o-mini", "claude-sonnet-4-5"
	rewriting := chatconnect.Completion{Model: small, Usage: chatconnect.Usage{InputTokens: 30, OutputTokens: 5, CachedTokens: 2}, Cost: 3}
	for name, tt := range map[string]struct {
		model     string
		status    chatconnect.ChatStatus
		rewriting chatconnect.Completion
		want      string
	}{
		"another model": {large, chatconnect.ChatAnswered, rewriting, large + " 1 1 0 0 0 70 15 58 97|" + small + " 0 0 0 0 0 30 5 2 3"},
		"the same":      {small, chatconnect.ChatAnswered, rewriting, small + " 1 1 0 0 0 100 20 60 100"},
		"no model":      {"", chatconnect.ChatUnanswered, rewriting, " 1 0 1 0 0 70 15 58 97|" + small + " 0 0 0 0 0 30 5 2 3"},
		"a failure":     {"", chatconnect.ChatFailed, rewriting, " 1 0 0 0 1 70 15 58 97|" + small + " 0 0 0 0 0 30 5 2 3"},
		"a stop":        {large, chatconnect.ChatStopped, rewriting, large + " 1 0 0 1 0 70 15 58 97|" + small + " 0 0 0 0 0 30 5 2 3"},
		"by rules":      {large, chatconnect.ChatAnswered, chatconnect.Completion{}, large + " 1 1 0 0 0 100 20 60 100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			log := exchange(b, "m1", time.Now())
			log.Model, log.Status, log.Rewriting, log.Cost = tt.model, tt.status, tt.rewriting, 100
			for range 2 { // once, however often it is logged
				require.NoError(t, b.store.LogChat(t.Context(), log))
			}
			require.Equal(t, tt.want, query[string](b,
				`SELECT string_agg(concat_ws(' ', model, questions, answered, unanswered, stopped, failed, input_tokens, output_tokens, cached_tokens, cost_microusd), '|' ORDER BY model)
				 FROM usage_stats`))
			require.Equal(t, tt.model+" 100 20 60 100", query[string](b,
				`SELECT concat_ws(' ', model, input_tokens, output_tokens, cached_tokens, cost_microusd) FROM chat_logs`))
		})
	}
}

// Two models that rewrite for each other: their rows are locked in one order.
func TestLogsOfTwoModelsDontBlockEachOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	models := []string{"a", "b"}
	errs := make(chan error)
	const chats = 40
	for i := range chats {
		go func() {
			log := exchange(b, fmt.Sprint("m", i), time.Now())
			log.Question.SessionID = chatconnect.SessionID(fmt.Sprint("visitor-", i)) // else its row makes them queue
			log.Model, log.Rewriting = models[i%2], chatconnect.Completion{Model: models[(i+1)%2], Usage: chatconnect.Usage{InputTokens: 10}}
			errs <- b.store.LogChat(context.WithoutCancel(t.Context()), log)
		}()
	}
	for range chats {
		require.NoError(t, <-errs)
	}
	require.Equal(t, "a 20 2000|b 20 2000", query[string](b, `SELECT string_agg(concat_ws(' ', model, questions, input_tokens), '|' ORDER BY model) FROM usage_stats`))
}

func TestHistoryStaysInItsSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.store.LogChat(t.Context(), exchange(b, "m1", time.Now())))
	other := b.newClient(b.owner.ID)
	for _, scope := range []struct {
		client  chatconnect.ClientID
		session chatconnect.SessionID
		n       int
	}{{b.client, "visitor-2", 5}, {other.ID, "visitor-1", 5}, {b.client, "visitor-1", 0}} {
		got, err := b.store.ChatContext(t.Context(), scope.client, scope.session, scope.n)
		require.NoError(t, err)
		require.Empty(t, got.History)
	}
}

func TestNoAnswerIsTooOddToLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := exchange(b, "odd", time.Time{})
	log.Question.Text = strings.Repeat("é", 3000) + "\x00"
	log.Question.Metadata = map[string]any{"page\x00": []any{"a\x00", map[string]any{"b": `\u0000`}}}
	log.Answer.Text = "half \xff a rune\x00" + strings.Repeat("x", 300_000)
	log.Answer.Sources[0].Snippet = "s\x00"
	require.NoError(t, b.store.LogChat(t.Context(), log))
	require.Equal(t, 2000, query[int](b, `SELECT char_length(question) FROM chat_logs`))
	require.Equal(t, 200_000, query[int](b, `SELECT char_length(answer) FROM chat_logs`))
	require.JSONEq(t, `{"page": ["a", {"b": "\\u0000"}]}`, query[string](b, `SELECT metadata::text FROM chat_logs`))

	log.Question.ClientID = unknownID
	require.ErrorIs(t, b.store.LogChat(t.Context(), log), chatconnect.ErrNotFound)
}
