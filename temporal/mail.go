package temporal

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// WorkflowSendMail sends one mail, however long the mail server is away.
const WorkflowSendMail = "SendMail"

// MailKind is what a mail says.
type MailKind string

const (
	MailRegistration MailKind = "registration" // the link, or that there is an account already
	MailInvitation   MailKind = "invitation"
)

// MailInput starts SendMail. Link holds the token, which nothing else keeps:
// with TEMPORAL_CODEC_KEY it is encrypted here, too.
type MailInput struct {
	ID        string   `json:"id"`
	Kind      MailKind `json:"kind"`
	To        string   `json:"to"`
	Link      string   `json:"link"`
	Dashboard string   `json:"dashboard"`
}

// StartMail starts the sending of a mail, or attaches to the one that runs.
func StartMail(ctx context.Context, c client.Client, in *MailInput) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       "mail:" + in.ID,
		TaskQueue:                QueueIngestion,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, WorkflowSendMail, in)
	return err
}
