package temporal

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
)

// StopAnswer asks the message's workflow to stop; its stream ends with a done
// event soon after. An answer that has ended is left alone. ErrNotFound if the
// message was never asked, or longer ago than Temporal remembers.
func StopAnswer(ctx context.Context, c client.Client, message chatconnect.MessageRef) error {
	id := ChatWorkflowID(message)
	err := c.CancelWorkflow(ctx, id, "")
	var absent *serviceerror.NotFound
	if !errors.As(err, &absent) {
		return err
	}
	// Both an ended and an unknown workflow are not found.
	if _, err = c.DescribeWorkflowExecution(ctx, id, ""); errors.As(err, &absent) {
		return chatconnect.ErrNotFound.Because(err)
	}
	return err
}
