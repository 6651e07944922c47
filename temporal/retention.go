package temporal

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
)

// WorkflowExpireChats deletes conversations that are older than their clients
// keep them.
const WorkflowExpireChats = "ExpireChats"

// ScheduleExpireChats is the schedule that runs it, and the start of the ids of
// its runs.
const ScheduleExpireChats = "expire-chats"

// expiryPeriod is how often it runs. A conversation outlives its retention by
// at most this and the schedule's jitter.
const (
	expiryPeriod = time.Hour
	expiryJitter = 10 * time.Minute
)

// ExpireChatsInput starts ExpireChats; its fields are how one run continues
// another.
type ExpireChatsInput struct {
	After  chatconnect.ClientID `json:"after,omitempty"` // the last client that is done
	Result ExpireChatsResult    `json:"result"`
}

// ExpireChatsResult counts what ExpireChats did.
type ExpireChatsResult struct {
	Clients int `json:"clients"` // that have a retention
	Rows    int `json:"rows"`    // deleted
	Failed  int `json:"failed"`  // clients that the next run takes up again
}

// ExpirePart asks for the next clients.
type ExpirePart struct {
	After chatconnect.ClientID `json:"after,omitempty"`
	Now   time.Time            `json:"now"`
}

// ExpirePartResult is what became of them, and where the next part begins, ""
// at the end.
type ExpirePartResult struct {
	ExpireChatsResult
	Next chatconnect.ClientID `json:"next,omitempty"`
}

// EnsureExpireChats creates the schedule, or leaves it as it is: an operator
// may have paused it.
func EnsureExpireChats(ctx context.Context, c client.Client) error {
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: ScheduleExpireChats,
		Spec: client.ScheduleSpec{
			Intervals: []client.ScheduleIntervalSpec{{Every: expiryPeriod}}, Jitter: expiryJitter,
		},
		Action: &client.ScheduleWorkflowAction{
			ID: ScheduleExpireChats, Workflow: WorkflowExpireChats, Args: []any{&ExpireChatsInput{}}, TaskQueue: QueueIngestion,
		},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: time.Minute, // the next run does what a missed one would have done
	})
	if errors.Is(err, sdktemporal.ErrScheduleAlreadyRunning) {
		return nil
	}
	return err
}
