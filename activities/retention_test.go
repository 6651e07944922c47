package activities_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

// retentions are clients with so many old rows each.
type retentions struct {
	clients []chatconnect.Retention
	rows    map[chatconnect.ClientID]int
	fail    map[chatconnect.ClientID]error
	before  map[chatconnect.ClientID]time.Time
}

func (r *retentions) Retentions(_ context.Context, after chatconnect.ClientID, limit int) ([]chatconnect.Retention, error) {
	var found []chatconnect.Retention
	for _, c := range r.clients {
		if c.ClientID > after && len(found) < limit {
			found = append(found, c)
		}
	}
	return found, nil
}

func (r *retentions) ForgetChats(_ context.Context, client chatconnect.ClientID, before time.Time, limit int) (int, error) {
	if err := r.fail[client]; err != nil {
		return 0, err
	}
	r.before[client] = before
	n := min(limit, r.rows[client])
	r.rows[client] -= n
	return n, nil
}

func TestExpirePart(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	store := &retentions{rows: map[chatconnect.ClientID]int{}, before: map[chatconnect.ClientID]time.Time{}, fail: map[chatconnect.ClientID]error{}}
	for i := range 150 {
		id := chatconnect.ClientID(fmt.Sprintf("c%03d", i))
		store.clients = append(store.clients, chatconnect.Retention{ClientID: id, Days: i + 1})
		store.rows[id] = 5000
	}
	store.fail["c007"] = errors.New("a strange row")
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	a := &activities.Retention{Store: store, Logger: slog.New(slog.DiscardHandler)}
	env.RegisterActivity(a)
	expire := func(after chatconnect.ClientID) (result temporal.ExpirePartResult, err error) {
		value, err := env.ExecuteActivity(a.ExpirePart, &temporal.ExpirePart{After: after, Now: now})
		if err == nil {
			err = value.Get(&result)
		}
		return result, err
	}
	first, err := expire("")
	require.NoError(t, err)
	require.Equal(t, temporal.ExpirePartResult{ExpireChatsResult: temporal.ExpireChatsResult{Clients: 100, Rows: 99 * 5000, Failed: 1}, Next: "c099"}, first)
	require.Equal(t, now.AddDate(0, 0, -1), store.before["c000"])
	require.Equal(t, now.AddDate(0, 0, -30), store.before["c029"])
	second, err := expire(first.Next)
	require.NoError(t, err)
	require.Equal(t, temporal.ExpirePartResult{ExpireChatsResult: temporal.ExpireChatsResult{Clients: 50, Rows: 50 * 5000}}, second)

	store.fail["c120"] = chatconnect.Errorf(chatconnect.KindUnavailable, "database_unavailable", "down")
	_, err = expire(first.Next)
	require.ErrorContains(t, err, "down", "all wait for the database")
}
