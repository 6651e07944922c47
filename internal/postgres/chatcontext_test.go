package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestChatContextIsOneSnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	empty, err := b.store.ChatContext(ctx, b.client, "visitor-1", 6)
	require.NoError(t, err)
	require.Equal(t, chatconnect.ChatContext{History: []chatconnect.Turn{}, Knowledge: b.knowledge(), Locale: "auto"}, empty)

	now := time.Now().UTC()
	require.NoError(t, b.store.LogChat(ctx, exchange(b, "m1", now)))
	require.NoError(t, b.store.LogChat(ctx, exchange(b, "m2", now.Add(time.Second))))
	last := exchange(b, "m3", now.AddDate(0, 0, -now.Day()-1)) // of the month before
	last.Answer.Usage.InputTokens = 1_000_000
	require.NoError(t, b.store.LogChat(ctx, last))
	_, err = b.superuser().Exec(ctx, `UPDATE clients SET model = 'gpt-4o', monthly_token_budget = 300 WHERE id = $1`, b.client)
	require.NoError(t, err)

	got, err := b.store.ChatContext(ctx, b.client, "visitor-1", 2)
	require.NoError(t, err)
	require.Equal(t, []chatconnect.Turn{{Question: "Q m1", Answer: "A m1"}, {Question: "Q m2", Answer: "A m2"}}, got.History)
	require.Equal(t, "gpt-4o", got.Model)
	require.Equal(t, chatconnect.TokenBudget{Limit: 300, Used: 240}, got.Budget)
	require.True(t, got.Budget.Due(), "240 of 300 is 80 %")
	require.False(t, got.Budget.Exhausted())

	for i := range 3 {
		first, err := b.store.WarnOfBudget(ctx, b.client, got.Budget)
		require.NoError(t, err)
		require.Equal(t, i == 0, first, "once a month")
	}
	require.JSONEq(t, `{"limit": 300, "used": 240}`, query[string](b, `SELECT details::text FROM audit_events WHERE action = 'budget.warning'`))
	got, err = b.store.ChatContext(ctx, b.client, "visitor-2", 2)
	require.NoError(t, err)
	require.Empty(t, got.History, "another session")
	require.True(t, got.Budget.Warned)
	require.False(t, got.Budget.Due())

	other := b.newClient(b.owner.ID)
	got, err = b.store.ChatContext(ctx, other.ID, "visitor-1", 2)
	require.NoError(t, err)
	require.Empty(t, got.History, "another client")
	_, err = b.store.ChatContext(ctx, unknownID, "visitor-1", 2)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, err = b.store.ChatContext(ctx, "no uuid", "visitor-1", 2)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}

func TestTheCostIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	log := exchange(b, "m1", time.Now())
	log.Cost = 1234
	for range 2 {
		require.NoError(t, b.store.LogChat(t.Context(), log))
	}
	log.Question.MessageID = "m2"
	require.NoError(t, b.store.LogChat(t.Context(), log))
	require.EqualValues(t, 2468, query[int64](b, `SELECT cost_microusd FROM usage_stats`))
	require.EqualValues(t, 1234, query[int64](b, `SELECT cost_microusd FROM chat_logs WHERE message_id = 'm1'`))
}

func TestWhatCameToNothingCounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := time.Now()
	require.NoError(t, b.store.LogChat(t.Context(), exchange(b, "m1", now)))
	limit := int64(1000)
	_, err := b.store.UpdateClient(t.Context(), b.client, chatconnect.ClientPatch{TokenBudget: &limit})
	require.NoError(t, err)
	before, err := b.store.ChatContext(t.Context(), b.client, "s", 0)
	require.NoError(t, err)
	spent := chatconnect.Completion{Model: "gpt-4o-mini", Usage: chatconnect.Usage{InputTokens: 100, OutputTokens: 10, CachedTokens: 5}, Cost: 7}
	for range 2 {
		require.NoError(t, b.store.AddUsage(t.Context(), b.client, now, spent))
	}
	after, err := b.store.ChatContext(t.Context(), b.client, "s", 0)
	require.NoError(t, err)
	require.Equal(t, before.Budget.Used+220, after.Budget.Used)
	days, err := b.store.Usage(t.Context(), b.client, now.Add(-24*time.Hour), now.Add(48*time.Hour))
	require.NoError(t, err)
	require.EqualValues(t, 1, days[0].Questions, "no question more")
	require.Error(t, b.store.AddUsage(t.Context(), "c0000000-0000-4000-8000-000000000000", now, spent), "a client that is gone")
}
