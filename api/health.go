package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// getLive says that the process runs, and nothing about its dependencies: a
// restart would not mend those.
func (s *Server) getLive(c *gin.Context) {
	c.JSON(http.StatusOK, gin.H{"status": chatconnect.HealthOK})
}

func (s *Server) getReady(c *gin.Context) {
	if s.isDraining() {
		s.fail(c, chatconnect.Errorf(chatconnect.KindUnavailable, "draining", "This process is shutting down."))
		return
	}
	if !s.Health.Ready(c.Request.Context()) {
		s.fail(c, chatconnect.Errorf(chatconnect.KindUnavailable, "not_ready", "This process can't serve just now. Please try again."))
		return
	}
	c.JSON(http.StatusOK, gin.H{"status": chatconnect.HealthOK})
}

// getHealth tells everybody whether the process can serve. What it depends on,
// and how that is, is for those with the internal secret: an attacker would
// learn which part to aim at, and whether it worked.
func (s *Server) getHealth(c *gin.Context) {
	if s.InternalAPISecret != "" && c.GetHeader(headerInternalSecret) != "" {
		if s.requireInternalSecret(c); !c.IsAborted() {
			s.getHealthReport(c)
		}
		return
	}
	if s.isDraining() || !s.Health.Ready(c.Request.Context()) {
		c.JSON(http.StatusServiceUnavailable, gin.H{"status": chatconnect.HealthUnavailable})
		return
	}
	c.JSON(http.StatusOK, gin.H{"status": chatconnect.HealthOK})
}

func (s *Server) getHealthReport(c *gin.Context) {
	report := s.Health.Report(c.Request.Context())
	if report.Status == chatconnect.HealthOK && s.isDraining() {
		report.Status = chatconnect.HealthDraining
	}
	status := http.StatusOK
	if report.Status != chatconnect.HealthOK {
		status = http.StatusServiceUnavailable
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(status, report)
}

// alwaysReady is a monitor of nothing.
type alwaysReady struct{}

func (alwaysReady) Ready(context.Context) bool { return true }
func (alwaysReady) Report(context.Context) chatconnect.HealthReport {
	return chatconnect.HealthReport{
		Status: chatconnect.HealthOK, Dependencies: map[string]chatconnect.DependencyHealth{},
		Queues: []chatconnect.QueueHealth{}, Workers: []chatconnect.WorkerHealth{},
	}
}
