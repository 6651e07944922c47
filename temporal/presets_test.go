package temporal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStagePauseFollowsThePolicy(t *testing.T) {
	t.Parallel()
	policy := StageOptions(time.Minute).RetryPolicy
	want := policy.InitialInterval
	for attempt := 1; attempt < 20; attempt++ {
		require.Equal(t, want, StagePause(attempt), attempt)
		want = min(time.Duration(float64(want)*policy.BackoffCoefficient), policy.MaximumInterval)
	}
	require.Equal(t, policy.MaximumInterval, StagePause(1_000_000))
}
