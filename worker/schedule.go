package worker

import (
	"context"
	"time"

	"github.com/chatconnect/chatconnect/temporal"
)

// scheduleTimeout bounds one attempt at making a schedule.
const scheduleTimeout = 10 * time.Second

// keepScheduled sees to it that a schedule is there, trying again until it is.
// Every worker does so when it starts, and the settings of the one that
// started last hold.
func (w *Worker) keepScheduled(ctx context.Context, name string, ensure func(context.Context) error) {
	for {
		attempt, cancel := context.WithTimeout(ctx, scheduleTimeout)
		err := ensure(attempt)
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			w.Logger.WarnContext(ctx, "not scheduled yet", "schedule", name, "error", err)
		}
		select {
		case <-time.After(sweepInterval):
		case <-ctx.Done():
			return
		}
	}
}

func (w *Worker) scheduleJanitor(ctx context.Context) error {
	return temporal.EnsureJanitor(ctx, w.Client, w.JanitorInterval)
}

func (w *Worker) scheduleExpiry(ctx context.Context) error {
	return temporal.EnsureExpireChats(ctx, w.Client)
}
