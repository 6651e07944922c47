package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
)

// health is what the port of the metrics says, which needs no secret, once all
// is well: a busy machine may take a dependency for down.
func (p *product) health(t testing.TB) response {
	t.Helper()
	return newPerson(t, strings.TrimSuffix(p.MetricsURL(), "/metrics")).healthy()
}

func (p *person) healthy(header ...string) response {
	p.t.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		answer := p.get("/health", header...)
		if answer.status == http.StatusOK {
			return answer
		}
		require.Less(p.t, time.Since(began), patience, "%s", answer.body)
	}
}

// TestHealthShowsQueues: with no worker running, a document waits in a queue
// that nobody polls, and operators see it: with the internal secret, on the
// port of the metrics, and in Prometheus. Others learn that the API is up.
func TestHealthShowsQueues(t *testing.T) {
	t.Parallel()
	environ := stacktest.Environ(t)
	front := startRoles(t, app.Roles{API: true}, environ)
	shop, operator := newTenant(t, front.URL(), chatconnect.TierFree), newService(t, front)
	require.JSONEq(t, `{"status":"ok"}`, string(shop.healthy().body))
	require.Equal(t, "internal_secret_wrong", shop.get("/health", "X-Internal-Secret", "guess").is(http.StatusUnauthorized).problem())

	documents := shop.upload(file{"tea.txt", []byte("Tea is at four.")})
	var report chatconnect.HealthReport
	state := func(name string) chatconnect.QueueHealth {
		i := slices.IndexFunc(report.Queues, func(q chatconnect.QueueHealth) bool { return q.Name == name })
		require.GreaterOrEqual(t, i, 0, "%+v", report)
		return report.Queues[i]
	}
	eventually := func(what string, holds func() bool) {
		t.Helper()
		for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			report = chatconnect.HealthReport{}
			operator.healthy("X-Internal-Secret", operator.secret).into(&report)
			if holds() {
				return
			}
			require.Less(t, time.Since(began), patience, "%s: %+v", what, report)
		}
	}
	eventually("a document waits, and no worker is there", func() bool {
		q := state("ingestion")
		return q.Status == chatconnect.QueueUnattended && q.Backlog > 0 && q.OldestTaskSeconds > 0 && q.Pollers == 0 &&
			state("chat").Status == chatconnect.QueueUnattended
	})
	require.Empty(t, report.Workers)
	require.Equal(t, chatconnect.DependencyUp, report.Dependencies["temporal"].Status)
	require.Contains(t, string(front.health(t).body), `"queues":[{"name":"chat"`)
	eventually("Prometheus is told", func() bool {
		metrics := newPerson(t, strings.TrimSuffix(front.MetricsURL(), "/metrics")).get("/metrics").is(http.StatusOK)
		return strings.Contains(string(metrics.body), `chatconnect_task_queue_pollers{queue="ingestion"} 0`) &&
			strings.Contains(string(metrics.body), `chatconnect_task_queue_up{queue="chat"} 1`)
	})

	back := startRoles(t, app.Roles{Worker: true}, environ)
	shop.all(documents, func(d chatconnect.Document) bool { return d.Status == chatconnect.StatusReady })
	eventually("a worker polls all queues", func() bool {
		for _, q := range report.Queues {
			if q.Status != chatconnect.QueueOK || q.Backlog > 0 {
				return false
			}
		}
		return len(report.Workers) == 1 && len(report.Workers[0].Queues) == len(report.Queues)
	})
	require.WithinDuration(t, time.Now(), report.Workers[0].LastSeenAt, patience)
	require.Contains(t, string(back.health(t).body), `"status":"ok"`)
}
