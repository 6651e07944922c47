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
	budget, err := s.monthsBudget(c.Request.Context(), client)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{
		"from": from.Format(time.DateOnly), "to": to.Add(-1).Format(time.DateOnly), "days": notNil(usage), "budget": budget,
	})
}

// tokenBudget is what is left of a month, as members see it: of several limits
// the one that is reached first.
type tokenBudget struct {
	Limit     int64  `json:"limit"`
	Used      int64  `json:"used"`
	LimitedBy string `json:"limitedBy"` // budget, ceiling or account
	Low       bool   `json:"low"`       // nearly used up, or wholly
	Exhausted bool   `json:"exhausted"` // nothing is answered or embedded until the month ends
	left      int64  // tokens that may still be spent
}

// monthsBudget returns nil for a client without any limit.
func (s *Server) monthsBudget(ctx context.Context, id chatconnect.ClientID) (*tokenBudget, error) {
	budget, err := s.Budgets.Budget(ctx, id)
	if err != nil || !budget.Limited() {
		return nil, err
	}
	shown := &tokenBudget{
		Limit: budget.Limit, Used: budget.Used, LimitedBy: budget.LimitedBy(), Low: budget.Low(), Exhausted: budget.Exhausted(),
		left: budget.Left(),
	}
	if shown.LimitedBy == chatconnect.LimitedByAccount {
		shown.Limit, shown.Used = budget.AccountCeiling, budget.AccountUsed
	}
	return shown, nil
}
