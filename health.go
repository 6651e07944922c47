package chatconnect

import (
	"context"
	"time"
)

// HealthMonitor probes what an installation depends on. Answers are shared for
// a second, however many ask, and no probe holds up the others.
type HealthMonitor interface {
	// Ready reports whether all dependencies answer.
	Ready(ctx context.Context) bool
	// Report says how everything is. It is for operators only.
	Report(ctx context.Context) HealthReport
}

// HealthReport is what an operator is told.
type HealthReport struct {
	Status       string                      `json:"status"` // HealthOK, HealthUnavailable or HealthDraining
	Version      string                      `json:"version"`
	Dependencies map[string]DependencyHealth `json:"dependencies"`
	Queues       []QueueHealth               `json:"queues"`
	Workers      []WorkerHealth              `json:"workers"`
	// Notice says what else the operator should do, or nothing.
	Notice string `json:"notice,omitempty"`
}

// States of a process and of what it depends on.
const (
	HealthOK          = "ok"
	HealthUnavailable = "unavailable"
	HealthDraining    = "draining" // it is shutting down

	DependencyUp   = "up"
	DependencyDown = "down"

	QueueOK         = "ok"
	QueueUnattended = "unattended" // no worker has polled it lately
	QueueUnknown    = "unknown"    // Temporal did not say
)

// DependencyHealth is how one dependency answered its probe.
type DependencyHealth struct {
	Status    string  `json:"status"`
	LatencyMS float64 `json:"latencyMs"`
}

// QueueHealth is the state of one task queue. With QueueUnknown the figures
// mean nothing.
type QueueHealth struct {
	Name              string     `json:"name"`
	Status            string     `json:"status"`
	Backlog           int64      `json:"backlog"`           // tasks that wait for a worker, approximately
	OldestTaskSeconds float64    `json:"oldestTaskSeconds"` // how long the first of them has waited
	Pollers           int        `json:"pollers"`           // worker processes that poll it
	LastPollAt        *time.Time `json:"lastPollAt,omitempty"`
}

// WorkerHealth is one worker process, as Temporal has seen it in the last
// minutes.
type WorkerHealth struct {
	Identity   string    `json:"identity"` // process id and host
	Queues     []string  `json:"queues"`
	LastSeenAt time.Time `json:"lastSeenAt"`
}
