package worker

import (
	"context"
	"time"

	"github.com/chatconnect/chatconnect/temporal"
)

// scheduleTimeout bounds one attempt at making the schedule.
const scheduleTimeout = 10 * time.Second

// schedule sees to it that the janitor's schedule is there, trying again until
// it is. Every worker does so when it starts, and the settings of the one that
// started last hold.
func (w *Worker) schedule(ctx context.Context) {
	for {
		err := w.scheduleOnce(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			w.Logger.WarnContext(ctx, "janitor not scheduled yet", "error", err)
		}
		select {
		case <-time.After(sweepInterval):
		case <-ctx.Done():
			return
		}
	}
}

func (w *Worker) scheduleOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, scheduleTimeout)
	defer cancel()
	return temporal.EnsureJanitor(ctx, w.Client, w.JanitorInterval)
}
