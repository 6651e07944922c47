package telemetry

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

// series are those of a registry that name the text.
func (m *Metrics) series(t *testing.T, text string) (found []string) {
	t.Helper()
	families, err := m.Registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if strings.Contains(metric.String(), text) {
				found = append(found, family.GetName())
			}
		}
	}
	return found
}

// TestADeletedClientLeavesNoSeries in any collector that is labelled with one.
func TestADeletedClientLeavesNoSeries(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	count := func(id chatconnect.ClientID) {
		m.ChatRefused(id, chatconnect.TierFree, "rate_limited")
		m.ChatEnded(chatconnect.ChatLog{Question: chatconnect.Question{ClientID: id, Tier: chatconnect.TierFree}, Status: chatconnect.ChatAnswered, Latency: time.Second})
		m.BudgetWarned(id)
	}
	count("deleted")
	count("kept")
	m.ChatRefused("", "", "api_key_invalid")
	require.ElementsMatch(t, []chatconnect.ClientID{"deleted", "kept"}, m.Clients())
	require.Len(t, m.series(t, "deleted"), 4)
	for range 2 {
		m.ForgetClient("deleted")
		require.Empty(t, m.series(t, "deleted"))
		require.Equal(t, []chatconnect.ClientID{"kept"}, m.Clients())
		require.Len(t, m.series(t, "kept"), 4)
		count("deleted") // an answer that was under way
		m.ForgetClient("deleted")
	}
	require.Len(t, m.series(t, labelClient), 5, "and nothing else names a client")
}
