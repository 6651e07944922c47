package api_test

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func exchangeAt(at time.Time, question string) chatconnect.Exchange {
	return chatconnect.Exchange{
		SessionID: "s1", MessageID: "m1", Question: question, Answer: "It costs\n\"42\", they say.", Status: chatconnect.ChatAnswered,
		Rating: chatconnect.RatingDown, Comment: "@wrong", Sources: []chatconnect.Source{{Index: 1, DocumentID: "0199aaaa-0000-7000-8000-000000000001", Name: "prices.pdf"}, {Index: 2, DocumentID: "0199aaaa-0000-7000-8000-000000000001", Name: "more.pdf"}},
		Metadata: map[string]any{"page": "/p"}, Provider: "openai", Model: "gpt-4o-mini", Cost: 15,
		Usage: chatconnect.Usage{InputTokens: 10, OutputTokens: 5}, LatencyMS: 900, TimeToFirstTokenMS: 300, AskedAt: at,
	}
}

func TestConversations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	stranger, _, _ := b.tenant("b@example.com")
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	b.chats.log(client, exchangeAt(at, "Price?"))
	list := "/api/dashboard/chats?clientId=" + string(client)

	r := owner.get(list)
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, "next", r.json(t)["nextCursor"])
	require.Equal(t, "Price?", r.json(t)["conversations"].([]any)[0].(object)["question"])
	require.Equal(t, chatconnect.ConversationFilter{Limit: 50}, b.chats.filter)

	require.Equal(t, 200, owner.get(list+"&search=%20who%00&status=stopped&rating=none&from=2026-05-01&to=2026-05-02&limit=7&cursor=abc").StatusCode)
	require.Equal(t, chatconnect.ConversationFilter{
		Search: "who", Status: "stopped", Rating: "none", Limit: 7, Cursor: "abc",
		From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC),
	}, b.chats.filter, "the last day belongs to it")
	require.Equal(t, 200, owner.get(list+"&from=2026-05-01T14:00:00%2B02:00&to=2026-05-01T12:30:00Z").StatusCode)
	require.Equal(t, at, b.chats.filter.From)
	require.Equal(t, at.Add(30*time.Minute), b.chats.filter.To)
	for query, code := range map[string]string{
		"status=good": "filter_invalid", "rating=5": "filter_invalid", "from=yesterday": "filter_invalid", "to=2026-13-01": "filter_invalid",
		"format=xml": "filter_invalid", "limit=0": "limit_invalid", "limit=201": "limit_invalid", "limit=x": "limit_invalid",
		"search=" + strings.Repeat("x", 201): "filter_invalid", "cursor=" + strings.Repeat("x", 257): "cursor_invalid",
	} {
		owner.get(list+"&"+query).problem(t, 400, code)
	}

	one := "/api/dashboard/chats/s1?clientId=" + string(client)
	r = owner.get(one)
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	message := r.json(t)["messages"].([]any)[0].(object)
	require.Equal(t, "gpt-4o-mini", message["model"])
	require.Equal(t, object{"page": "/p"}, message["metadata"])
	require.EqualValues(t, 15, message["costMicroUsd"])
	owner.get("/api/dashboard/chats/s2?clientId="+string(client)).problem(t, 404, "not_found")
	owner.get("/api/dashboard/chats/-?clientId="+string(client)).problem(t, 404, "not_found")
	owner.get("/api/dashboard/chats/s1").problem(t, 400, "client_id_missing")

	usage := "/api/dashboard/usage?clientId=" + string(client)
	r = owner.get(usage)
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.EqualValues(t, 1, r.json(t)["days"].([]any)[0].(object)["stopped"])
	require.Equal(t, 30*24*time.Hour, b.chats.to.Sub(b.chats.from))
	require.WithinDuration(t, time.Now(), b.chats.to, 24*time.Hour+time.Minute)
	r = owner.get(usage + "&from=2026-05-01&to=2026-05-01")
	require.Equal(t, "2026-05-01", r.json(t)["to"])
	require.Equal(t, 24*time.Hour, b.chats.to.Sub(b.chats.from))
	for _, query := range []string{"from=2026-05-02&to=2026-05-01", "from=2024-01-01&to=2026-05-01", "from=x"} {
		owner.get(usage+"&"+query).problem(t, 400, "filter_invalid")
	}
	for _, path := range []string{list, one, usage, list + "&format=csv"} {
		stranger.get(path).problem(t, 404, "not_found")
		b.browser().get(path).problem(t, 401, "unauthenticated")
	}
}

// Members see how much of the month's budget is used before visitors do, and
// which limit is reached first.
func TestUsageTellsOfTheBudget(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	usage := "/api/dashboard/usage?clientId=" + string(client)
	require.Nil(t, owner.get(usage).json(t)["budget"])
	for name, test := range map[string]struct {
		budget chatconnect.TokenBudget
		want   object
	}{
		"enough":   {chatconnect.TokenBudget{Limit: 101, Used: 80, Ceiling: 500}, object{"limit": 101.0, "used": 80.0, "limitedBy": "budget", "low": false, "exhausted": false}},
		"low":      {chatconnect.TokenBudget{Limit: 100, Used: 80, Ceiling: 100}, object{"limit": 100.0, "used": 80.0, "limitedBy": "ceiling", "low": true, "exhausted": false}},
		"used up":  {chatconnect.TokenBudget{Limit: 80, Used: 80}, object{"limit": 80.0, "used": 80.0, "limitedBy": "budget", "low": true, "exhausted": true}},
		"together": {chatconnect.TokenBudget{Limit: 80, Used: 1, AccountCeiling: 100, AccountUsed: 100}, object{"limit": 100.0, "used": 100.0, "limitedBy": "account", "low": true, "exhausted": true}},
	} {
		b.memory.mu.Lock()
		b.memory.budget = test.budget
		b.memory.mu.Unlock()
		require.Equal(t, test.want, owner.get(usage + "&from=2026-05-01&to=2026-05-01").json(t)["budget"], name)
	}
}

func TestConversationsAsCSV(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	path := "/api/dashboard/chats?clientId=" + string(client) + "&format=csv&status=answered"
	r := owner.get(path)
	require.Equal(t, 200, r.StatusCode)
	require.Len(t, strings.Split(strings.TrimSpace(string(r.body)), "\n"), 1, "an empty export has its header: %s", r.body)

	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, question := range []string{"Plain", `=HYPERLINK("http://evil.test")`, "+1", "-1", "@x", "über; \"x\", y"} {
		b.chats.log(client, exchangeAt(at, question))
	}
	r = owner.get(path)
	require.Equal(t, "text/csv; charset=utf-8", r.Header.Get("Content-Type"))
	require.Regexp(t, `^attachment; filename="conversations-\d{4}-\d\d-\d\d\.csv"$`, r.Header.Get("Content-Disposition"))
	require.EqualValues(t, "answered", b.chats.filter.Status)
	body, marked := strings.CutPrefix(string(r.body), "\ufeff")
	require.True(t, marked)
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 7)
	for i, want := range []string{"question", "Plain", `'=HYPERLINK("http://evil.test")`, "'+1", "'-1", "'@x", "über; \"x\", y"} {
		require.Equal(t, want, rows[i][3])
	}
	require.Equal(t, []string{
		"2026-05-01T12:00:00Z", "s1", "m1", "Plain", "It costs\n\"42\", they say.", "answered", "", "down", "'@wrong", "prices.pdf; more.pdf",
		"openai", "gpt-4o-mini", "10", "5", "0", "15", "900", "300",
	}, rows[1])
	require.Contains(t, b.memory.actions(), "chats.export")

	b.chats.mu.Lock()
	b.chats.fail = errors.New("connection reset")
	b.chats.mu.Unlock()
	owner.get(path).problem(t, 500, "internal")
}
