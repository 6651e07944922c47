package temporal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestWaitingDecryptsTheReason(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]string{"encrypted": "2026:" + key(2), "plain": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failures, err := NewFailureConverter(keys)
			require.NoError(t, err)
			data, err := NewDataConverter(keys)
			require.NoError(t, err)
			described := &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: []*workflowpb.PendingActivityInfo{{
				State: enumspb.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 3,
				NextAttemptScheduleTime: timestamppb.New(time.Date(2026, 11, 30, 20, 15, 0, 0, time.UTC)),
				LastFailure:             failures.ErrorToFailure(EncodeError(chatconnect.Errorf(chatconnect.KindUnavailable, "embedding_unavailable", "The provider is away."))),
			}}}
			require.Equal(t, "The provider is away. Next try at 20:15:00 UTC (attempt 3).", waiting(described, data))
		})
	}
}
