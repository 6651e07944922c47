package e2e

import (
	"context"
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// What a visitor says is his to read again and to judge, its tenant's to read,
// search, count and export, and gone when the tenant no longer keeps it.
func TestConversationsAreReadJudgedAndForgotten(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	shop.learn(file{"shipping.txt", []byte("Shipping to Norway takes six days. Returns are free within 60 days.")})
	body := shop.chatBody("How long does shipping to Norway take?")
	body["messageId"] = "m-1"
	session := body["sessionId"].(string)
	s := shop.stream(body).finish()
	require.Contains(t, s.text, "six days")

	key := []string{"x-api-key", shop.PublishableKey}
	feedback := func(message, rating, comment string) response {
		return shop.post("/chat/"+message+"/feedback", map[string]any{"sessionId": session, "rating": rating, "comment": comment}, key...)
	}
	// At once: before or after the exchange is logged, as it happens.
	feedback("m-1", "down", "Too =slow").is(http.StatusNoContent)
	require.Equal(t, "message_unknown", feedback("m-2", "up", "").is(http.StatusNotFound).problem())

	type message struct {
		MessageID        string
		Question, Answer string
		Rating           chatconnect.Rating
		Status           chatconnect.ChatStatus
		Sources          []chatconnect.Source
	}
	var read struct{ Messages []message }
	require.Eventually(t, func() bool {
		shop.get("/chat/sessions/"+session+"/messages", key...).is(http.StatusOK).into(&read)
		return len(read.Messages) == 1
	}, patience, 20*time.Millisecond, "the answer is logged after it was streamed")
	require.Equal(t, message{"m-1", body["message"].(string), s.text, chatconnect.RatingDown, chatconnect.ChatAnswered, s.sources}, read.Messages[0])

	of := "?clientId=" + string(shop.ID)
	var listed struct{ Conversations []chatconnect.Conversation }
	for query, want := range map[string]int{"": 1, "&search=NORWAY": 1, "&search=slow": 1, "&search=sweden": 0, "&rating=down": 1, "&rating=up": 0, "&status=stopped": 0} {
		shop.get("/api/dashboard/chats" + of + query).is(http.StatusOK).into(&listed)
		require.Len(t, listed.Conversations, want, query)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(shop.get("/api/dashboard/chats"+of+"&format=csv").is(http.StatusOK).body), "\ufeff"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, body["message"], rows[1][3])
	var usage struct{ Days []chatconnect.DayUsage }
	shop.get("/api/dashboard/usage" + of).is(http.StatusOK).into(&usage)
	require.Len(t, usage.Days, 2, "what answers, and what embeds")
	require.EqualValues(t, 1, usage.Days[0].Answered)
	require.Zero(t, usage.Days[1].Answered)

	shop.do(http.MethodPatch, "/api/dashboard/clients/"+string(shop.ID), map[string]any{"retentionDays": 30}).is(http.StatusOK)
	fresh := shop.chatBody("How long are returns free?")
	shop.stream(fresh).finish()
	require.Eventually(t, func() bool {
		return product.count(t, `SELECT count(*) FROM chat_logs WHERE client_id = $1`, shop.ID) == 2
	}, patience, 20*time.Millisecond, "the two answers are not logged")
	for _, statement := range []string{
		`UPDATE chat_logs SET asked_at = asked_at - interval '31 days' WHERE client_id = $1 AND message_id = 'm-1'`,
		`UPDATE chat_sessions SET last_message_at = last_message_at - interval '31 days' WHERE client_id = $1 AND id <> '` + fresh["sessionId"].(string) + `'`,
		`UPDATE chat_feedback SET created_at = created_at - interval '31 days' WHERE client_id = $1`,
	} {
		product.change(t, statement, shop.ID)
	}
	product.storage(t).expireChats()
	left := `SELECT (SELECT count(*) FROM chat_logs WHERE client_id = $1) * 100 + (SELECT count(*) FROM chat_sessions WHERE client_id = $1) * 10
	         + (SELECT count(*) FROM chat_feedback WHERE client_id = $1)`
	require.Eventually(t, func() bool { return product.count(t, left, shop.ID) == 110 }, patience, 50*time.Millisecond, "what is old, or more, is not deleted")
	shop.get("/chat/sessions/"+session+"/messages", key...).is(http.StatusOK).into(&read)
	require.Empty(t, read.Messages)
	shop.get("/api/dashboard/usage" + of).is(http.StatusOK).into(&usage)
	answered := 0
	for _, day := range usage.Days { // midnight may have come
		answered += int(day.Answered)
	}
	require.Equal(t, 2, answered, "usage stays")
}

// expireChats has the schedule run now, and returns the run's workflow id.
func (s *storage) expireChats() (workflow string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	schedule := s.flow.ScheduleClient().GetHandle(ctx, temporal.ScheduleExpireChats)
	require.Eventually(s.t, func() bool {
		_, err := schedule.Describe(ctx)
		return err == nil
	}, patience, 50*time.Millisecond, "a worker makes the schedule")
	require.NoError(s.t, schedule.Trigger(ctx, client.ScheduleTriggerOptions{}))
	require.Eventually(s.t, func() bool {
		described, err := schedule.Describe(ctx)
		require.NoError(s.t, err)
		if runs := described.Info.RecentActions; len(runs) > 0 {
			workflow = runs[len(runs)-1].StartWorkflowResult.WorkflowID
		}
		return workflow != ""
	}, patience, 50*time.Millisecond, "the schedule starts nothing")
	return workflow
}
