package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	usageDays    = 30  // shown unless a period is named
	maxUsageDays = 400 // of one answer: a year and its comparison's month
)

// getUsage tells what the client's questions cost, by day (UTC) and model. It
// outlives the conversations, which may be deleted sooner.
func (s *Server) getUsage(c *gin.Context) {
	client, _, err := s.memberOf(c, c.Query("clientId"))
	if err != nil {
		s.fail(c, err)
		return
	}
	from, err := filterTime(c.Query("from"), 0)
	if err != nil {
		s.fail(c, err)
		return
	}
	to, err := filterTime(c.Query("to"), 24*time.Hour)
	if err != nil {
		s.fail(c, err)
		return
	}
	const day = 24 * time.Hour
	if to.IsZero() {
		to = time.Now().UTC().Truncate(day).Add(day)
	}
	if from.IsZero() {
		from = to.Add(-usageDays * day)
	}
	if !from.Before(to) || to.Sub(from) > maxUsageDays*day {
		s.fail(c, invalidFilter("from is before to, at most %d days.", maxUsageDays))
		return
	}
	usage, err := s.Conversations.Usage(c.Request.Context(), client, from, to)
	if err != nil {
		s.fail(c, err)
		return
	}
	budget, err := s.monthsBudget(c.Request.Context(), client, time.Now().UTC())
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{
		"from": from.Format(time.DateOnly), "to": to.Add(-1).Format(time.DateOnly), "days": notNil(usage), "budget": budget,
	})
}

// tokenBudget is what is left of a month, as members see it.
type tokenBudget struct {
	Limit     int64 `json:"limit"`
	Used      int64 `json:"used"`
	Low       bool  `json:"low"`       // nearly used up, or wholly
	Exhausted bool  `json:"exhausted"` // questions are refused until the month ends
}

// monthsBudget returns nil for a client that has set no limit.
func (s *Server) monthsBudget(ctx context.Context, id chatconnect.ClientID, now time.Time) (*tokenBudget, error) {
	client, err := s.Clients.Client(ctx, id)
	if err != nil || client.TokenBudget == nil {
		return nil, err
	}
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	days, err := s.Conversations.Usage(ctx, id, month, month.AddDate(0, 1, 0))
	if err != nil {
		return nil, err
	}
	budget := chatconnect.TokenBudget{Limit: *client.TokenBudget}
	for _, day := range days {
		budget.Used += day.InputTokens + day.OutputTokens
	}
	return &tokenBudget{Limit: budget.Limit, Used: budget.Used, Low: budget.Low(), Exhausted: budget.Exhausted()}, nil
}
