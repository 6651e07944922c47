package temporal

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
)

// WorkflowJanitor looks for what is left of nothing and mends what it can.
const WorkflowJanitor = "Janitor"

// ScheduleJanitor is the schedule that runs it, and the start of the ids of its
// runs. JanitorDryRun is the id of a run that changes nothing.
const (
	ScheduleJanitor = "janitor"
	JanitorDryRun   = "janitor-dry-run"
)

// JanitorPhase is a part of the janitor's round.
type JanitorPhase int

// The phases, in their order.
const (
	JanitorBlobs     JanitorPhase = iota // files of nothing
	JanitorPoints                        // points of nothing
	JanitorRevisions                     // active revisions that lost points
	JanitorDocuments                     // documents that don't get on
	JanitorDone
)

// Kinds of findings.
const (
	FindingOrphanBlob     = "orphan_blob"     // a file of a version that there is not, or no more
	FindingUnfinishedBlob = "unfinished_blob" // left by a process that died while it stored a file
	FindingForeignBlob    = "foreign_blob"    // nothing of ours
	FindingOrphanPoints   = "orphan_points"   // a revision of a document that there is not
	FindingStalePoints    = "stale_points"    // a revision that is superseded, failed or cancelled
	FindingForeignPoints  = "foreign_points"  // nothing of ours
	FindingMissingPoints  = "missing_points"  // an active revision with fewer points than chunks
	FindingSurplusPoints  = "surplus_points"  // or with more
	FindingStuckDocument  = "stuck_document"  // under way for more than a day
	FindingIdleGeneration = "idle_generation" // written to by everybody, and no reindex runs
)

// What was done about them.
const (
	ActionDeleted  = "deleted"
	ActionRepaired = "repaired"
	ActionReported = "reported" // it needs a person
	ActionNone     = "none"     // in a dry run: what would have been deleted or repaired
	ActionHeld     = "held"     // not deleted, because so much of it looks like the wrong database
)

// JanitorInput starts Janitor; all but DryRun is how one of its runs continues
// another.
type JanitorInput struct {
	DryRun bool         `json:"dryRun"`
	Phase  JanitorPhase `json:"phase,omitempty"`
	Cursor string       `json:"cursor,omitempty"`
	Seen   JanitorSeen  `json:"seen,omitzero"` // in this phase so far
	JanitorSecond
	Result JanitorResult `json:"result"`
}

// JanitorSeen counts the documents whose files or points a phase has met; one
// that was met in several parts counts in each.
type JanitorSeen struct {
	Known   int `json:"known"`   // to the database
	Unknown int `json:"unknown"` // not
}

// JanitorSecond has a phase gone through again, for what belongs to unknown
// documents alone: whether so many are to be believed is decided when all has
// been seen.
type JanitorSecond struct {
	Again    bool `json:"again,omitempty"`
	Hold     bool `json:"hold,omitempty"`     // nothing is deleted, but told of
	Expected int  `json:"expected,omitempty"` // unknown documents
}

// JanitorResult is what Janitor returns: how much it looked at, and what it
// found.
type JanitorResult struct {
	DryRun    bool      `json:"dryRun"`
	Blobs     int       `json:"blobs"`
	Points    int       `json:"points"`
	Revisions int       `json:"revisions"` // active ones
	Documents int       `json:"documents"` // under way
	Findings  []Finding `json:"findings"`  // one entry for each kind and action
}

// Finding counts what was found of a kind and done about it.
type Finding struct {
	Kind   string `json:"kind"`
	Action string `json:"action"`
	Count  int    `json:"count"`
}

// Add counts findings.
func (r *JanitorResult) Add(found ...Finding) {
	for _, f := range found {
		r.add(f)
	}
}

func (r *JanitorResult) add(f Finding) {
	for i := range r.Findings {
		if r.Findings[i].Kind == f.Kind && r.Findings[i].Action == f.Action {
			r.Findings[i].Count += f.Count
			return
		}
	}
	r.Findings = append(r.Findings, f)
}

// Count is the number of findings of a kind with an action.
func (r JanitorResult) Count(kind, action string) int {
	for _, f := range r.Findings {
		if f.Kind == kind && f.Action == action {
			return f.Count
		}
	}
	return 0
}

// JanitorPart asks for the part of a phase that begins at Cursor, "" for the
// first.
type JanitorPart struct {
	DryRun bool   `json:"dryRun"`
	Cursor string `json:"cursor"`
	JanitorSecond
}

// JanitorPartResult is what there was, and where the next part begins, "" at
// the end.
type JanitorPartResult struct {
	Examined int             `json:"examined"`
	Findings []Finding       `json:"findings"`
	Next     string          `json:"next"`
	Seen     JanitorSeen     `json:"seen,omitzero"`
	Short    []ShortRevision `json:"short,omitempty"` // to be repaired
}

// ShortRevision is an active revision of which the index holds too little.
type ShortRevision struct {
	IngestInput
	Chunks int `json:"chunks"`
	Points int `json:"points"`
}

// janitorPeriod is how often the schedule would run if it weren't paused.
const janitorPeriod = time.Hour

// pausedBySetting is the note by which we know that it was us who paused.
const pausedBySetting = "JANITOR_INTERVAL is 0"

// EnsureJanitor creates the schedule or brings it up to date. 0 pauses it, which
// leaves it to be triggered by hand. Whether an operator has paused it is left
// alone.
func EnsureJanitor(ctx context.Context, c client.Client, every time.Duration) error {
	paused := every <= 0
	if paused {
		every = janitorPeriod
	}
	return schedule{
		id: ScheduleJanitor, workflow: WorkflowJanitor, input: &JanitorInput{},
		every: every, paused: paused, pause: pausedBySetting,
	}.ensure(ctx, c)
}

// ErrNoJanitor is a schedule that no worker has made yet.
var ErrNoJanitor = chatconnect.Errorf(chatconnect.KindNotFound, "janitor_missing", "There is no janitor yet: a worker makes its schedule when it starts.")

// TriggerJanitor runs the schedule now and returns the id of the run, or that of
// the one under way.
func TriggerJanitor(ctx context.Context, c client.Client) (workflowID, runID string, err error) {
	handle := c.ScheduleClient().GetHandle(ctx, ScheduleJanitor)
	before, err := handle.Describe(ctx)
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return "", "", ErrNoJanitor.Because(err)
	}
	if err != nil {
		return "", "", err
	}
	if running := before.Info.RunningWorkflows; len(running) > 0 {
		return running[0].WorkflowID, running[0].FirstExecutionRunID, nil
	}
	if err := handle.Trigger(ctx, client.ScheduleTriggerOptions{}); err != nil {
		return "", "", err
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		now, err := handle.Describe(ctx)
		if err != nil {
			return "", "", err
		}
		if now.Info.NumActions > before.Info.NumActions && len(now.Info.RecentActions) > 0 {
			last := now.Info.RecentActions[len(now.Info.RecentActions)-1].StartWorkflowResult
			return last.WorkflowID, last.FirstExecutionRunID, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return "", "", ctx.Err()
		}
	}
}

// StartJanitorDryRun starts a run that changes nothing, or attaches to one.
func StartJanitorDryRun(ctx context.Context, c client.Client) (workflowID, runID string, err error) {
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: JanitorDryRun, TaskQueue: QueueIngestion,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, WorkflowJanitor, &JanitorInput{DryRun: true})
	if err != nil {
		return "", "", err
	}
	return run.GetID(), run.GetRunID(), nil
}

// JanitorOutcome waits for a run, and those that continue it.
func JanitorOutcome(ctx context.Context, c client.Client, workflowID, runID string) (*JanitorResult, error) {
	var result JanitorResult
	if err := c.GetWorkflow(ctx, workflowID, runID).Get(ctx, &result); err != nil {
		return nil, err
	}
	return &result, nil
}
