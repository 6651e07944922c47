package temporal

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"
)

// schedule is a workflow that runs again and again, on the queue for ingestion.
type schedule struct {
	id       string // also the start of the ids of its runs
	workflow string
	input    any
	every    time.Duration
	paused   bool   // by our settings
	pause    string // the note by which we know such a pause, "" if there is none
}

// jitter is how late a run may be at most, so that installations which share a
// server don't all begin at once.
func (s schedule) jitter() time.Duration { return min(s.every/4, 10*time.Minute) }

// ensure creates the schedule or brings it up to date. A pause that isn't by our
// settings is an operator's: it is left alone.
func (s schedule) ensure(ctx context.Context, c client.Client) error {
	state := client.ScheduleState{Paused: s.paused}
	if s.paused {
		state.Note = s.pause
	}
	options := client.ScheduleOptions{
		ID:   s.id,
		Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: s.every}}, Jitter: s.jitter()},
		Action: &client.ScheduleWorkflowAction{
			ID: s.id, Workflow: s.workflow, Args: []any{s.input}, TaskQueue: QueueIngestion,
		},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: time.Minute, // the next run makes up for one that was missed
		Paused:        state.Paused, Note: state.Note,
	}
	_, err := c.ScheduleClient().Create(ctx, options)
	if !errors.Is(err, sdktemporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return c.ScheduleClient().GetHandle(ctx, s.id).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			present := in.Description.Schedule
			present.Spec, present.Action = &options.Spec, options.Action
			present.Policy = &client.SchedulePolicies{Overlap: options.Overlap, CatchupWindow: options.CatchupWindow}
			if now := present.State; now == nil || !now.Paused || s.pause != "" && now.Note == s.pause {
				present.State = &state
			}
			return &client.ScheduleUpdate{Schedule: &present}, nil
		},
	})
}
