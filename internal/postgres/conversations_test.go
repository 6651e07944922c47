package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

var firstOfMay = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// said logs an exchange of a session.
func (b *bundle) said(session, message, question string, at time.Time, change func(*chatconnect.ChatLog)) {
	b.Helper()
	log := exchange(b, message, at)
	log.Question.SessionID, log.Question.Text = chatconnect.SessionID(session), question
	if change != nil {
		change(&log)
	}
	require.NoError(b, b.store.LogChat(b.Context(), log))
}

func (b *bundle) judge(session, message string, rating chatconnect.Rating, comment string) error {
	return b.store.SaveFeedback(b.Context(), b.client, chatconnect.Feedback{
		SessionID: chatconnect.SessionID(session), MessageID: chatconnect.MessageID(message), Rating: rating, Comment: comment,
	}, false)
}

func TestFeedback(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	require.ErrorIs(t, b.judge("s", "m", chatconnect.RatingUp, ""), chatconnect.ErrNotFound, "nobody asked")
	require.Zero(t, query[int](b, `SELECT count(*) FROM chat_feedback`))

	// A moment before the exchange is logged.
	early := chatconnect.Feedback{SessionID: "s", MessageID: "m", Rating: chatconnect.RatingDown, Comment: "half \xff\x00" + strings.Repeat("x", 2000)}
	require.NoError(t, b.store.SaveFeedback(ctx, b.client, early, true))
	b.said("s", "m", "Q", firstOfMay, nil)
	exchanges, err := b.store.Exchanges(ctx, b.client, "s", 50)
	require.NoError(t, err)
	require.Len(t, exchanges, 1)
	require.Equal(t, chatconnect.RatingDown, exchanges[0].Rating)
	require.Len(t, []rune(exchanges[0].Comment), chatconnect.MaxCommentRunes)

	require.NoError(t, b.judge("s", "m", chatconnect.RatingUp, ""))
	require.NoError(t, b.judge("s", "m", chatconnect.RatingNone, ""))
	exchanges, err = b.store.Exchanges(ctx, b.client, "s", 50)
	require.NoError(t, err)
	require.Equal(t, chatconnect.RatingNone, exchanges[0].Rating)
	require.Empty(t, exchanges[0].Comment, "a later opinion replaces all of the earlier one")
	require.Equal(t, 1, query[int](b, `SELECT count(*) FROM chat_feedback`))

	other := b.newClient(b.owner.ID).ID
	require.ErrorIs(t, b.store.SaveFeedback(ctx, other, early, false), chatconnect.ErrNotFound, "it is another's message")
}

func TestExchanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 5 {
		b.said("s", fmt.Sprint("m", i), fmt.Sprint("Question ", i), firstOfMay.Add(time.Duration(i)*time.Minute), nil)
	}
	b.said("s", "failed", "Q", firstOfMay.Add(time.Hour), func(l *chatconnect.ChatLog) {
		l.Status, l.ErrorCode, l.Answer, l.Question.Metadata = chatconnect.ChatFailed, "model_refused", chatconnect.Answer{}, map[string]any{"page": "/a"}
	})
	b.said("other", "m", "Q", firstOfMay, nil)
	exchanges, err := b.store.Exchanges(t.Context(), b.client, "s", 3)
	require.NoError(t, err)
	require.Len(t, exchanges, 3)
	require.Equal(t, chatconnect.Exchange{
		SessionID: "s", MessageID: "m3", Question: "Question 3", Answer: "A m3", Status: chatconnect.ChatAnswered,
		Sources: []chatconnect.Source{{Index: 1, Name: "manual.pdf", Page: 2}}, Rating: chatconnect.RatingNone, Metadata: map[string]any{},
		Provider: "openai", Model: "gpt-4o-mini", Usage: chatconnect.Usage{InputTokens: 100, OutputTokens: 20, CachedTokens: 60},
		LatencyMS: 1500, TimeToFirstTokenMS: 300, AskedAt: exchanges[0].AskedAt,
	}, exchanges[0])
	require.Equal(t, firstOfMay.Add(3*time.Minute), exchanges[0].AskedAt.UTC())
	last := exchanges[2]
	require.Equal(t, "model_refused", last.ErrorCode)
	require.Equal(t, map[string]any{"page": "/a"}, last.Metadata)
	require.NotNil(t, last.Sources)
	none, err := b.store.Exchanges(t.Context(), b.client, "unknown", 3)
	require.NoError(t, err)
	require.Empty(t, none)
	other := b.newClient(b.owner.ID).ID
	none, err = b.store.Exchanges(t.Context(), other, "s", 3)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestConversationsAreFiltered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	day := 24 * time.Hour
	b.said("alice", "a1", "What does 100% cotton cost?", firstOfMay, nil)
	b.said("alice", "a2", "And delivery?", firstOfMay.Add(day), nil)
	b.said("bob", "b1", "Do you ship to Mars?", firstOfMay.Add(2*day), func(l *chatconnect.ChatLog) { l.Status = chatconnect.ChatUnanswered })
	b.said("carol", "c1", "Hello", firstOfMay.Add(3*day), func(l *chatconnect.ChatLog) { l.Status, l.Answer.Text = chatconnect.ChatStopped, "100 per cent" })
	require.NoError(t, b.judge("alice", "a1", chatconnect.RatingUp, ""))
	require.NoError(t, b.judge("bob", "b1", chatconnect.RatingDown, "Not even the MOON"))

	list := func(f chatconnect.ConversationFilter) (sessions []string) {
		t.Helper()
		conversations, next, err := b.store.Conversations(t.Context(), b.client, f)
		require.NoError(t, err)
		require.Empty(t, next)
		var exported []string
		require.NoError(t, b.store.EachExchange(t.Context(), b.client, f, 1000, func(e chatconnect.Exchange) error {
			exported = append(exported, string(e.SessionID))
			return nil
		}))
		for _, c := range conversations {
			sessions = append(sessions, string(c.SessionID))
			require.Contains(t, exported, string(c.SessionID))
		}
		require.Subset(t, sessions, exported, "list and export agree")
		return sessions
	}
	for name, test := range map[string]struct {
		filter chatconnect.ConversationFilter
		want   []string
	}{
		"all":          {chatconnect.ConversationFilter{}, []string{"carol", "bob", "alice"}},
		"question":     {chatconnect.ConversationFilter{Search: "SHIP"}, []string{"bob"}},
		"answer":       {chatconnect.ConversationFilter{Search: "a a2"}, []string{"alice"}},
		"comment":      {chatconnect.ConversationFilter{Search: "moon"}, []string{"bob"}},
		"literally":    {chatconnect.ConversationFilter{Search: "100%"}, []string{"alice"}},
		"underscore":   {chatconnect.ConversationFilter{Search: "_"}, nil},
		"backslash":    {chatconnect.ConversationFilter{Search: `\`}, nil},
		"status":       {chatconnect.ConversationFilter{Status: chatconnect.ChatStopped}, []string{"carol"}},
		"up":           {chatconnect.ConversationFilter{Rating: chatconnect.RatingUp}, []string{"alice"}},
		"down":         {chatconnect.ConversationFilter{Rating: chatconnect.RatingDown}, []string{"bob"}},
		"not judged":   {chatconnect.ConversationFilter{Rating: chatconnect.RatingNone}, []string{"carol", "alice"}},
		"from":         {chatconnect.ConversationFilter{From: firstOfMay.Add(2 * day)}, []string{"carol", "bob"}},
		"to":           {chatconnect.ConversationFilter{To: firstOfMay.Add(2 * day)}, []string{"alice"}},
		"nothing fits": {chatconnect.ConversationFilter{Search: "ship", Rating: chatconnect.RatingUp}, nil},
	} {
		require.Equal(t, test.want, list(test.filter), name)
	}
	conversations, _, err := b.store.Conversations(t.Context(), b.client, chatconnect.ConversationFilter{Search: "cotton"})
	require.NoError(t, err)
	conversations[0].LastMessageAt = conversations[0].LastMessageAt.UTC()
	require.Equal(t, []chatconnect.Conversation{{
		SessionID: "alice", Question: "What does 100% cotton cost?", Status: chatconnect.ChatAnswered, Messages: 2, Up: 1, LastMessageAt: firstOfMay,
	}}, conversations)
	conversations, _, err = b.store.Conversations(t.Context(), b.newClient(b.owner.ID).ID, chatconnect.ConversationFilter{})
	require.NoError(t, err)
	require.Empty(t, conversations)
}

func TestConversationsArePaged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want []string
	for i := range 7 {
		session := fmt.Sprint("s", i)
		want = append([]string{session}, want...)
		// Several at one instant: the session's id decides then.
		b.said(session, "m", "Q", firstOfMay.Add(time.Duration(i/3)*time.Second), nil)
	}
	var got []string
	filter := chatconnect.ConversationFilter{Limit: 2}
	for range 4 {
		page, next, err := b.store.Conversations(t.Context(), b.client, filter)
		require.NoError(t, err)
		for _, c := range page {
			got = append(got, string(c.SessionID))
		}
		filter.Cursor = next
	}
	require.Equal(t, want, got)
	require.Empty(t, filter.Cursor)
	for _, bad := range []string{"x", "!", "eHx4"} {
		_, _, err := b.store.Conversations(t.Context(), b.client, chatconnect.ConversationFilter{Cursor: bad})
		require.Equal(t, "cursor_invalid", chatconnect.AsError(err).Code)
	}
}

func TestAnExportReadsOverPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const all = 230
	for i := range all {
		b.said(fmt.Sprint("s", i%3), fmt.Sprint("m", i), "Q", firstOfMay.Add(time.Duration(i/50)*time.Second), nil)
	}
	for _, most := range []int{0, 1, 100, 150, 1000} {
		seen := map[string]bool{}
		require.NoError(t, b.store.EachExchange(t.Context(), b.client, chatconnect.ConversationFilter{}, most, func(e chatconnect.Exchange) error {
			require.False(t, seen[string(e.MessageID)])
			seen[string(e.MessageID)] = true
			return nil
		}))
		require.Len(t, seen, min(most, all))
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.said("s", "1", "Q", firstOfMay, nil)
	b.said("s", "2", "Q", firstOfMay, func(l *chatconnect.ChatLog) { l.Status = chatconnect.ChatStopped })
	b.said("s", "3", "Q", firstOfMay.Add(48*time.Hour), nil)
	days, err := b.store.Usage(t.Context(), b.client, firstOfMay, firstOfMay.Add(24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, []chatconnect.DayUsage{{
		Day: "2026-05-01", Model: "gpt-4o-mini", Questions: 2, Answered: 1, Stopped: 1, InputTokens: 200, OutputTokens: 40, CachedTokens: 120,
	}}, days)
	days, err = b.store.Usage(t.Context(), b.newClient(b.owner.ID).ID, firstOfMay, firstOfMay.Add(240*time.Hour))
	require.NoError(t, err)
	require.Empty(t, days)
}

func TestOldConversationsAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	other := b.newClient(b.owner.ID).ID
	long, none := 30, 0
	for _, client := range []chatconnect.ClientID{b.client, other} {
		_, err := b.store.UpdateClient(ctx, client, chatconnect.ClientPatch{RetentionDays: &long})
		require.NoError(t, err)
	}
	updated, err := b.store.UpdateClient(ctx, other, chatconnect.ClientPatch{RetentionDays: &none})
	require.NoError(t, err)
	require.Nil(t, updated.RetentionDays)
	name := "Renamed"
	updated, err = b.store.UpdateClient(ctx, b.client, chatconnect.ClientPatch{Name: &name})
	require.NoError(t, err)
	require.Equal(t, &long, updated.RetentionDays, "what the patch doesn't name stays")
	retentions, err := b.store.Retentions(ctx, "", 10)
	require.NoError(t, err)
	require.Equal(t, []chatconnect.Retention{{ClientID: b.client, Days: 30}}, retentions)
	retentions, err = b.store.Retentions(ctx, b.client, 10)
	require.NoError(t, err)
	require.Empty(t, retentions)

	now := time.Now()
	old := now.AddDate(0, 0, -31)
	for i := range 5 {
		b.said("old", fmt.Sprint("m", i), "Q", old, nil)
	}
	b.said("both", "old", "Q", old, nil)
	b.said("both", "new", "Q", now, nil)
	for _, message := range []string{"old", "new"} {
		require.NoError(t, b.judge("both", message, chatconnect.RatingUp, ""))
	}
	_, err = b.superuser().Exec(ctx, `UPDATE chat_feedback SET created_at = now() - interval '31 days' WHERE message_id = 'old'`)
	require.NoError(t, err)
	foreign := exchange(b, "m", old)
	foreign.Question.ClientID = other
	require.NoError(t, b.store.LogChat(ctx, foreign))

	cutoff := now.AddDate(0, 0, -30)
	total := 0
	for range 20 {
		forgotten, err := b.store.ForgetChats(ctx, b.client, cutoff, 2)
		require.NoError(t, err)
		require.LessOrEqual(t, forgotten, 6)
		if total += forgotten; forgotten == 0 {
			break
		}
	}
	require.Equal(t, 6+1+1, total, "exchanges, a session, an opinion")
	require.Equal(t, "new", query[string](b, `SELECT string_agg(message_id, ',') FROM chat_logs WHERE client_id = $1`, string(b.client)))
	require.Equal(t, "both", query[string](b, `SELECT string_agg(id, ',') FROM chat_sessions WHERE client_id = $1`, string(b.client)))
	require.Equal(t, "new", query[string](b, `SELECT string_agg(message_id, ',') FROM chat_feedback`))
	require.Equal(t, 7, query[int](b, `SELECT sum(questions)::integer FROM usage_stats WHERE client_id = $1`, string(b.client)), "usage stays")
	require.Equal(t, 1, query[int](b, `SELECT count(*) FROM chat_logs WHERE client_id = $1`, string(other)))

	require.NoError(t, b.store.BeginPurge(ctx, b.client, b.owner.ID))
	retentions, err = b.store.Retentions(ctx, "", 10)
	require.NoError(t, err)
	require.Empty(t, retentions, "its purge takes care of it")
}
