package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/chatconnect/chatconnect/temporal"
)

// heartbeat reports that the worker is alive until stop is called. It says
// nothing of progress: every activity bounds its own work by other means.
//
// The start of the activity counts as the first beat. Another one here would
// hold the activity up until the server has written it, and would be one write
// more for every answer.
func heartbeat(ctx context.Context) (stop func()) {
	return heartbeatBy(ctx, func() { activity.RecordHeartbeat(ctx) })
}

// heartbeatBy does the same with a beat that may carry details.
func heartbeatBy(ctx context.Context, beat func()) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(temporal.HeartbeatInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				beat()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}
