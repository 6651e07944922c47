package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

// mailAttempt bounds one attempt at sending.
const mailAttempt = time.Minute

// SendMail sends a mail, trying for as long as its link works. Where an attempt
// ends between the server's acceptance and ours, the mail arrives twice, with
// the same Message-ID.
func SendMail(ctx workflow.Context, in *temporal.MailInput) error {
	var a *activities.Mails
	options := temporal.StageOptions(mailAttempt)
	options.HeartbeatTimeout = 0 // too short to beat
	options.ScheduleToCloseTimeout = chatconnect.VerificationLifetime
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), a.DeliverMail, in).Get(ctx, nil)
}
