package document

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLackingLimitsAreToldOnce has children speak as they do on a system
// without limits, and on one that has all of them.
func TestLackingLimitsAreToldOnce(t *testing.T) {
	t.Parallel()
	for said, times := range map[string]int{
		`{"ready":{"inForce":"none","lacking":"memory"}}`: 1,
		`{"ready":{"inForce":"data 450 MB"}}`:             0,
	} {
		var log bytes.Buffer
		p := NewParser(Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 2 {
			ready := false
			to := &receiver{onReady: func(l limits) { ready = true; p.tell(l) }}
			require.NoError(t, to.receive(strings.NewReader(said+"\n{\"done\":true}\n")))
			require.True(t, ready)
		}
		require.Equal(t, times, strings.Count(log.String(), "lacking="), log.String())
	}
}
