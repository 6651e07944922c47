package activities

import (
	"context"

	"github.com/chatconnect/chatconnect/temporal"
)

// Interrupt hurries a cancelled workflow's Generate: of the cancellation
// itself it would hear with its next heartbeat only.
func (a *Chat) Interrupt(ctx context.Context, in *temporal.ChatInput) (*struct{}, error) {
	if err := a.Stops.Stop(ctx, in.Ref()); err != nil {
		return nil, temporal.EncodeError(err)
	}
	return &struct{}{}, nil
}
