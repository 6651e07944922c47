package telemetry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	chatconnect "github.com/chatconnect/chatconnect"
)

// labelClient names the client of a series.
const labelClient = "client_id"

// clientSet are the clients that series are labelled with.
type clientSet struct {
	mu  sync.Mutex
	ids map[chatconnect.ClientID]struct{}
}

func (s *clientSet) add(id chatconnect.ClientID) {
	if id == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids == nil {
		s.ids = map[chatconnect.ClientID]struct{}{}
	}
	s.ids[id] = struct{}{}
}

// Clients lists those that a series is labelled with.
func (m *Metrics) Clients() []chatconnect.ClientID {
	m.clients.mu.Lock()
	defer m.clients.mu.Unlock()
	ids := make([]chatconnect.ClientID, 0, len(m.clients.ids))
	for id := range m.clients.ids {
		ids = append(ids, id)
	}
	return ids
}

// ForgetClient drops every series of a client that was deleted. What is counted
// for it later makes it known again, and is dropped with the next call.
func (m *Metrics) ForgetClient(id chatconnect.ClientID) {
	m.clients.mu.Lock()
	delete(m.clients.ids, id)
	m.clients.mu.Unlock()
	for _, vector := range m.byClient() {
		vector.DeletePartialMatch(prometheus.Labels{labelClient: string(id)})
	}
}

// partial is what all vectors of Prometheus have in common.
type partial interface {
	DeletePartialMatch(labels prometheus.Labels) int
}

// byClient are the collectors that are labelled with a client.
func (m *Metrics) byClient() []partial {
	return []partial{m.chatRequests, m.chatLatency, m.budgetWarnings}
}
