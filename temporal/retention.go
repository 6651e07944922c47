package temporal

import (
	"context"
	"time"

	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
)

// WorkflowExpireChats deletes conversations that are older than their clients
// keep them.
const WorkflowExpireChats = "ExpireChats"

// ScheduleExpireChats is the schedule that runs it, and the start of the ids of
// its runs.
const ScheduleExpireChats = "expire-chats"

// expiryPeriod is how often it runs. A conversation outlives its retention by
// at most this and the schedule's jitter of 10 minutes.
const expiryPeriod = time.Hour

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

// EnsureExpireChats creates the schedule or brings it up to date. Whether an
// operator has paused it is left alone.
func EnsureExpireChats(ctx context.Context, c client.Client) error {
	return schedule{
		id: ScheduleExpireChats, workflow: WorkflowExpireChats, input: &ExpireChatsInput{}, every: expiryPeriod,
	}.ensure(ctx, c)
}
