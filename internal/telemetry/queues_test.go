package telemetry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

func TestQueueCollector(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0)
	collector := telemetry.NewQueueCollector(func(context.Context) []chatconnect.QueueHealth {
		return []chatconnect.QueueHealth{
			{Name: "chat", Status: chatconnect.QueueOK, Backlog: 12, OldestTaskSeconds: 90, Pollers: 2, LastPollAt: &at},
			{Name: "parsing", Status: chatconnect.QueueUnattended, Backlog: 3},
			{Name: "embedding", Status: chatconnect.QueueUnknown},
		}
	})
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	scraped := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(scraped, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, strings.TrimPrefix(`
# HELP chatconnect_task_queue_backlog Tasks that wait for a worker, approximately.
# TYPE chatconnect_task_queue_backlog gauge
chatconnect_task_queue_backlog{queue="chat"} 12
chatconnect_task_queue_backlog{queue="parsing"} 3
# HELP chatconnect_task_queue_last_poll_timestamp_seconds When a worker last polled the queue.
# TYPE chatconnect_task_queue_last_poll_timestamp_seconds gauge
chatconnect_task_queue_last_poll_timestamp_seconds{queue="chat"} 1.8e+09
# HELP chatconnect_task_queue_oldest_task_seconds How long the first of them has waited.
# TYPE chatconnect_task_queue_oldest_task_seconds gauge
chatconnect_task_queue_oldest_task_seconds{queue="chat"} 90
chatconnect_task_queue_oldest_task_seconds{queue="parsing"} 0
# HELP chatconnect_task_queue_pollers Worker processes that have polled the queue in the last minutes.
# TYPE chatconnect_task_queue_pollers gauge
chatconnect_task_queue_pollers{queue="chat"} 2
chatconnect_task_queue_pollers{queue="parsing"} 0
# HELP chatconnect_task_queue_up 1 if Temporal told the queue's state; else its other metrics are missing.
# TYPE chatconnect_task_queue_up gauge
chatconnect_task_queue_up{queue="chat"} 1
chatconnect_task_queue_up{queue="embedding"} 0
chatconnect_task_queue_up{queue="parsing"} 1
`, "\n"), scraped.Body.String())
}
