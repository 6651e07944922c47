package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
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
	c.JSON(http.StatusOK, gin.H{
		"from": from.Format(time.DateOnly), "to": to.Add(-1).Format(time.DateOnly), "days": notNil(usage),
	})
}
