package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/internal/health"
	"github.com/chatconnect/chatconnect/temporal"
)

// probed returns a bundle whose dependencies answer as they are told.
func probed(t *testing.T, options health.Options) *bundle {
	t.Helper()
	var log logBuffer
	options.Version, options.Logger = "test", slog.New(slog.NewJSONHandler(&log, nil))
	b := setup(t, func(o *api.Options) { o.Health = health.New(options) })
	b.log = &log
	return b
}

func up(context.Context) error { return nil }

// TestHealthIsUpOrDownToStrangers checks that callers without the secret learn
// whether the process can serve, and nothing about its dependencies.
func TestHealthIsUpOrDownToStrangers(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	b := probed(t, health.Options{
		Checks: []health.Check{{Name: "redis", Check: func(context.Context) error {
			if down.Load() {
				return errors.New("10.0.0.7 refused")
			}
			return nil
		}}, {Name: "qdrant", Check: up}},
		Queue: func(context.Context, temporal.Queue) (temporal.QueueState, error) {
			return temporal.QueueState{Backlog: 7}, nil
		},
		Notice: func() string { return "Run `chatconnect reindex`." },
	})
	h := b.browser().get("/health")
	require.Equal(t, 200, h.StatusCode)
	require.JSONEq(t, `{"status":"ok"}`, string(h.body))
	b.browser().with("X-Internal-Secret", "guess").get("/health").problem(t, 401, "internal_secret_wrong")

	down.Store(true)
	require.Eventually(t, func() bool { // an answer is kept for a second
		h = b.browser().get("/health")
		return h.StatusCode == http.StatusServiceUnavailable
	}, time.Minute, 50*time.Millisecond, "health is still up a minute after Redis went down")
	require.JSONEq(t, `{"status":"unavailable"}`, string(h.body))
	b.browser().get("/readyz").problem(t, 503, "not_ready")
	require.Equal(t, 503, b.browser().do(t.Context(), "HEAD", "/readyz", nil).StatusCode)
	require.Equal(t, 503, b.browser().do(t.Context(), "HEAD", "/health", nil).StatusCode)
	require.Equal(t, 200, b.browser().get("/livez").StatusCode)

	h = b.browser().with("X-Internal-Secret", "internal secret").get("/health")
	require.Equal(t, 503, h.StatusCode)
	require.Equal(t, "unavailable", h.json(t)["status"])
	require.Equal(t, "down", h.json(t)["dependencies"].(object)["redis"].(object)["status"])
	require.Equal(t, "up", h.json(t)["dependencies"].(object)["qdrant"].(object)["status"])
	require.Equal(t, "Run `chatconnect reindex`.", h.json(t)["notice"])
	require.Equal(t, "test", h.json(t)["version"])
	require.NotContains(t, string(h.body), "10.0.0.7")
	require.Contains(t, b.log.String(), "10.0.0.7")
}

// TestHealthTellsQueuesToOperators: those with the internal secret see backlog,
// age and workers of each task queue, and which of the probes failed.
func TestHealthTellsQueuesToOperators(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	lately, longAgo := time.Now().Add(-3*time.Second), time.Now().Add(-4*time.Minute)
	b := probed(t, health.Options{
		Checks: []health.Check{
			{Name: "mute", Check: func(context.Context) error { <-stuck; return nil }},
			{Name: "broken", Check: func(context.Context) error { panic("oh") }},
			{Name: "postgres", Check: up},
		},
		Queue: func(_ context.Context, queue temporal.Queue) (temporal.QueueState, error) {
			switch queue.Name {
			case temporal.QueueChat:
				return temporal.QueueState{Backlog: 12, OldestAge: 90 * time.Second, Pollers: map[string]time.Time{"1@a": lately, "2@b": longAgo}}, nil
			case temporal.QueueIngestion:
				return temporal.QueueState{Backlog: 3, Pollers: map[string]time.Time{"2@b": longAgo}}, nil
			case temporal.QueueParsing:
				return temporal.QueueState{}, errors.New("deadline exceeded")
			}
			<-stuck
			return temporal.QueueState{}, nil
		},
	})
	h := b.browser().with("X-Internal-Secret", "internal secret").get("/health")
	require.Equal(t, 503, h.StatusCode, "a probe that ignores its deadline holds up nobody")
	require.Equal(t, "down", h.json(t)["dependencies"].(object)["mute"].(object)["status"])
	require.Equal(t, "down", h.json(t)["dependencies"].(object)["broken"].(object)["status"])
	require.Equal(t, "up", h.json(t)["dependencies"].(object)["postgres"].(object)["status"])

	queues := map[string]object{}
	for _, q := range h.json(t)["queues"].([]any) {
		queues[q.(object)["name"].(string)] = q.(object)
	}
	chat := queues["chat"]
	require.Equal(t, "ok", chat["status"])
	require.EqualValues(t, 12, chat["backlog"])
	require.EqualValues(t, 90, chat["oldestTaskSeconds"])
	require.EqualValues(t, 2, chat["pollers"])
	at, err := time.Parse(time.RFC3339, chat["lastPollAt"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, lately, at, time.Millisecond)
	require.Equal(t, "unattended", queues["ingestion"]["status"])
	require.EqualValues(t, 3, queues["ingestion"]["backlog"])
	require.Equal(t, "unknown", queues["parsing"]["status"])
	require.Equal(t, "unknown", queues["embedding"]["status"])

	workers := h.json(t)["workers"].([]any)
	require.Len(t, workers, 2)
	first := workers[0].(object)
	require.Equal(t, "1@a", first["identity"])
	require.Equal(t, []any{"chat"}, first["queues"])
	require.True(t, slices.Equal([]any{"chat", "ingestion"}, workers[1].(object)["queues"].([]any)))
}

// TestHealthAnswersAreShared: probes run once a second, however many ask.
func TestHealthAnswersAreShared(t *testing.T) {
	t.Parallel()
	var probes atomic.Int64
	b := probed(t, health.Options{Checks: []health.Check{{Name: "redis", Check: func(context.Context) error {
		probes.Add(1)
		return nil
	}}}})
	const askers = 20
	began := time.Now()
	var wg sync.WaitGroup
	for i := range askers {
		path := "/readyz"
		if i%2 == 1 {
			path = "/health"
		}
		wg.Go(func() {
			if status := b.browser().get(path).StatusCode; status != 200 {
				t.Errorf("status %d", status)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, probes.Load(), int64(time.Since(began)/time.Second)+1)
}
