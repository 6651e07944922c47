package health

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	fresh   = time.Second     // an answer is shared for this long
	timeout = 2 * time.Second // for each probe
)

// Check probes one dependency. Its error is logged, never sent.
type Check struct {
	Name  string
	Check func(ctx context.Context) error
}

// Options of a Monitor.
type Options struct {
	Checks []Check
	// Queue asks for the state of a task queue; without it none is reported.
	Queue   func(ctx context.Context, queue temporal.Queue) (temporal.QueueState, error)
	Version string
	Notice  func() string // optional; what the operator should know besides
	Logger  *slog.Logger  // slog.Default() if nil
}

// Monitor implements chatconnect.HealthMonitor.
type Monitor struct {
	options      Options
	dependencies shared[dependencies]
	queues       shared[queues]

	mu      sync.Mutex
	failing map[string]bool // probes, by name: only changes are logged
}

var _ chatconnect.HealthMonitor = (*Monitor)(nil)

type dependencies struct {
	states map[string]chatconnect.DependencyHealth
	up     bool
}

// New returns a Monitor, which probes when it is asked.
func New(options Options) *Monitor {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	return &Monitor{options: options, failing: map[string]bool{}}
}

// Ready implements chatconnect.HealthMonitor.
func (m *Monitor) Ready(ctx context.Context) bool {
	return m.dependencies.get(ctx, m.probeDependencies).up
}

// Report implements chatconnect.HealthMonitor.
func (m *Monitor) Report(ctx context.Context) chatconnect.HealthReport {
	probed := make(chan queues, 1)
	go func() { probed <- m.probedQueues(ctx) }()
	state := m.dependencies.get(ctx, m.probeDependencies)
	q := <-probed
	report := chatconnect.HealthReport{
		Status: chatconnect.HealthOK, Version: m.options.Version,
		Dependencies: state.states, Queues: q.states, Workers: q.workers,
	}
	if !state.up {
		report.Status = chatconnect.HealthUnavailable
	}
	if m.options.Notice != nil {
		report.Notice = m.options.Notice()
	}
	return report
}

func (m *Monitor) probeDependencies(ctx context.Context) dependencies {
	outcomes := all(ctx, m.options.Checks, func(ctx context.Context, check Check) (struct{}, error) {
		return struct{}{}, check.Check(ctx)
	})
	result := dependencies{states: make(map[string]chatconnect.DependencyHealth, len(outcomes)), up: true}
	for i, o := range outcomes {
		name, state := m.options.Checks[i].Name, chatconnect.DependencyUp
		if o.err != nil {
			state, result.up = chatconnect.DependencyDown, false
		}
		m.logChange(ctx, name, o.err)
		result.states[name] = chatconnect.DependencyHealth{Status: state, LatencyMS: float64(o.took.Microseconds()) / 1000}
	}
	return result
}

// logChange logs that a probe fails which did not, or the other way round.
func (m *Monitor) logChange(ctx context.Context, name string, err error) {
	m.mu.Lock()
	changed := m.failing[name] != (err != nil)
	m.failing[name] = err != nil
	m.mu.Unlock()
	if !changed {
		return
	}
	state := chatconnect.DependencyUp
	if err != nil {
		state = chatconnect.DependencyDown
	}
	m.options.Logger.WarnContext(ctx, "dependency changed", "dependency", name, "status", state, "error", err)
}

// shared keeps a probe's answer for a second.
type shared[T any] struct {
	mu     sync.Mutex // held while probing: others wait for the same answer
	at     time.Time
	answer T
}

// get returns the answer, a new one if it is old. The probe doesn't end with
// the first asker's request: the answer is everybody's.
func (s *shared[T]) get(ctx context.Context, probe func(context.Context) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.at.IsZero() && time.Since(s.at) < fresh {
		return s.answer
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	s.answer = probe(ctx)
	s.at = time.Now()
	return s.answer
}

type outcome[R any] struct {
	result R
	took   time.Duration
	err    error
}

// all probes everything at once. A probe that ignores its context or panics
// fails alone.
func all[T, R any](ctx context.Context, subjects []T, probe func(context.Context, T) (R, error)) []outcome[R] {
	pending := make([]chan outcome[R], len(subjects))
	for i, subject := range subjects {
		done := make(chan outcome[R], 1)
		pending[i] = done
		go func() {
			start := time.Now()
			result, err := guarded(ctx, subject, probe)
			done <- outcome[R]{result, time.Since(start), err}
		}()
	}
	outcomes := make([]outcome[R], len(subjects))
	for i, done := range pending {
		select {
		case outcomes[i] = <-done:
		case <-ctx.Done():
			select {
			case outcomes[i] = <-done: // both were there
			default:
				outcomes[i] = outcome[R]{took: timeout, err: ctx.Err()}
			}
		}
	}
	return outcomes
}

func guarded[T, R any](ctx context.Context, subject T, probe func(context.Context, T) (R, error)) (result R, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return probe(ctx, subject)
}
