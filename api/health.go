package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	healthFresh   = time.Second     // an answer is shared for this long
	healthTimeout = 2 * time.Second // for each probe
)

// dependencyHealth is one line of GET /health.
type dependencyHealth struct {
	Status    string  `json:"status"` // "up" or "down"
	LatencyMS float64 `json:"latencyMs"`
}

// healthMonitor probes the dependencies at most once a second, however many
// load balancers ask.
type healthMonitor struct {
	checks []HealthCheck
	logger *slog.Logger

	mu      sync.Mutex // held while probing: others wait for the same answer
	at      time.Time
	results map[string]dependencyHealth
	up      bool
	wasDown map[string]bool
}

func newHealthMonitor(checks []HealthCheck, logger *slog.Logger) *healthMonitor {
	return &healthMonitor{checks: checks, logger: logger, wasDown: map[string]bool{}}
}

// status returns each dependency's state and whether all are up. The probes
// don't end with the first asker's request: the answer is everybody's.
func (h *healthMonitor) status(ctx context.Context) (map[string]dependencyHealth, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.results != nil && time.Since(h.at) < healthFresh {
		return h.results, h.up
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTimeout)
	defer cancel()
	type outcome struct {
		latency time.Duration
		err     error
	}
	outcomes := make([]chan outcome, len(h.checks))
	for i, check := range h.checks {
		// Buffered: a probe that ignores its context must not hold up the rest.
		done := make(chan outcome, 1)
		outcomes[i] = done
		go func() {
			start := time.Now()
			err := func() (err error) {
				defer func() {
					if v := recover(); v != nil {
						err = fmt.Errorf("panic: %v", v)
					}
				}()
				return check.Check(ctx)
			}()
			done <- outcome{time.Since(start), err}
		}()
	}
	results, up := make(map[string]dependencyHealth, len(h.checks)), true
	for i, check := range h.checks {
		var o outcome
		select {
		case o = <-outcomes[i]:
		case <-ctx.Done():
			o = outcome{healthTimeout, ctx.Err()}
		}
		state := "up"
		if o.err != nil {
			state, up = "down", false
		}
		if down := o.err != nil; down != h.wasDown[check.Name] {
			h.wasDown[check.Name] = down
			h.logger.WarnContext(ctx, "dependency changed", "dependency", check.Name, "status", state, "error", o.err)
		}
		results[check.Name] = dependencyHealth{Status: state, LatencyMS: float64(o.latency.Microseconds()) / 1000}
	}
	h.at, h.results, h.up = time.Now(), results, up
	return results, up
}

// getLive says that the process runs, and nothing about its dependencies: a
// restart would not mend those.
func (s *Server) getLive(c *gin.Context) {
	c.JSON(http.StatusOK, gin.H{"status": "ok"})
}

func (s *Server) getReady(c *gin.Context) {
	if s.isDraining() {
		s.fail(c, chatconnect.Errorf(chatconnect.KindUnavailable, "draining", "This process is shutting down."))
		return
	}
	if _, up := s.health.status(c.Request.Context()); !up {
		s.fail(c, chatconnect.Errorf(chatconnect.KindUnavailable, "not_ready", "A dependency is down; see /health."))
		return
	}
	c.JSON(http.StatusOK, gin.H{"status": "ok"})
}

func (s *Server) getHealth(c *gin.Context) {
	dependencies, up := s.health.status(c.Request.Context())
	status, word := http.StatusOK, "ok"
	switch {
	case !up:
		status, word = http.StatusServiceUnavailable, "unavailable"
	case s.isDraining():
		status, word = http.StatusServiceUnavailable, "draining"
	}
	body := gin.H{"status": word, "version": s.Version, "dependencies": dependencies}
	if s.IndexNotice != nil {
		if notice := s.IndexNotice(); notice != "" {
			body["notice"] = notice
		}
	}
	c.JSON(status, body)
}
