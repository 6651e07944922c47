package activities

import (
	"context"
	"errors"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// JanitorMetrics counts what the janitor finds.
type JanitorMetrics interface {
	JanitorFound(kind, action string, n int)
}

// Janitor are the activities of the Janitor workflow. Postgres is asked about
// everything before it is removed, and again right before; if it can't be
// asked, the activity fails and nothing is removed.
type Janitor struct {
	Documents chatconnect.DocumentStore
	Revisions chatconnect.RevisionStore
	Blobs     chatconnect.BlobStore
	Index     chatconnect.VectorIndex
	Audit     chatconnect.IndexAudit
	Temporal  client.Client
	Metrics   JanitorMetrics
	Logger    *slog.Logger
}

// partTime is about how long one part of a phase takes, so that a repetition
// costs little.
const partTime = time.Minute

// The fuse: when more than fuseCount documents of a phase are unknown to the
// database, and for fewer than fuseShare known ones each, then the database is
// more likely to be the wrong one (restored from some days ago, a copy for
// trials, or another installation's) than all of them to be orphans. Those are
// few, for only a process that dies or is cut off leaves one; and a file that
// was deleted is lost.
const (
	fuseCount = 20
	fuseShare = 10
)

// need is how much a version is needed, by what the database says.
type need int

const (
	needed    need = iota // search sees it, it is being ingested, or it is being deleted anyway
	unneeded              // superseded, failed, cancelled, or never begun
	unknown               // there is no such document
	undecided             // a workflow still works on it
)

// look is one part of a phase: what it found, and what the database said.
type look struct {
	*Janitor
	temporal.JanitorSecond
	dryRun  bool
	began   time.Time
	result  temporal.JanitorPartResult
	known   map[owner]chatconnect.Document
	unknown map[owner]bool
}

type owner struct {
	client   chatconnect.ClientID
	document chatconnect.DocumentID
}

func (a *Janitor) look(in *temporal.JanitorPart) *look {
	return &look{
		Janitor: a, JanitorSecond: in.JanitorSecond, dryRun: in.DryRun, began: time.Now(),
		known: map[owner]chatconnect.Document{}, unknown: map[owner]bool{},
	}
}

// late reports whether the part has gone on for long enough.
func (l *look) late() bool { return time.Since(l.began) > partTime }

// found counts and tells a finding.
func (l *look) found(ctx context.Context, kind, action string, about ...any) {
	l.result.Findings = addFinding(l.result.Findings, temporal.Finding{Kind: kind, Action: action, Count: 1})
	l.Metrics.JanitorFound(kind, action, 1)
	l.Logger.WarnContext(ctx, "janitor", append([]any{"kind", kind, "action", action}, about...)...)
}

func addFinding(all []temporal.Finding, f temporal.Finding) []temporal.Finding {
	result := temporal.JanitorResult{Findings: all}
	result.Add(f)
	return result.Findings
}

// document asks the database; fresh, or as it answered during this part.
func (l *look) document(ctx context.Context, o owner, fresh bool) (document chatconnect.Document, exists bool, err error) {
	if document, asked := l.known[o]; asked && !fresh {
		return document, true, nil
	}
	document, err = l.Documents.Document(ctx, o.client, o.document)
	if errors.Is(err, chatconnect.ErrNotFound) {
		delete(l.known, o)
		l.unknown[o] = true
		return document, false, nil
	}
	if err != nil {
		return document, false, err
	}
	l.known[o] = document
	return document, true, nil
}

// need judges a version. What looks unneeded is looked at again, because it may
// have come to be needed since, and left alone while a workflow works on it.
func (l *look) need(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, wanted func(chatconnect.Document) bool) (need, error) {
	o := owner{client, revision.DocumentID}
	document, exists, err := l.document(ctx, o, false)
	if err != nil || (exists && wanted(document)) {
		return needed, err
	}
	document, exists, err = l.document(ctx, o, true)
	if err != nil || (exists && wanted(document)) {
		return needed, err
	}
	verdict := unneeded
	versions := []int{revision.Version, document.Version} // the newest one's removes those it replaced
	if !exists {
		verdict, versions = unknown, versions[:1]
	}
	for _, version := range versions {
		running, err := l.running(ctx, temporal.IngestionWorkflowID(client, chatconnect.Revision{DocumentID: revision.DocumentID, Version: version}))
		if err != nil {
			return needed, err
		}
		if running {
			return undecided, nil
		}
	}
	return verdict, nil
}

// inUse reports whether the version is searched or ingested, or goes with a
// document that is being deleted.
func inUse(d chatconnect.Document, version int) bool {
	return d.Status == chatconnect.StatusDeleting || version == d.ActiveVersion || beingIngested(d, version)
}

func beingIngested(d chatconnect.Document, version int) bool {
	return version == d.Version && !d.Status.Final()
}

func (a *Janitor) running(ctx context.Context, workflow string) (bool, error) {
	described, err := a.Temporal.DescribeWorkflowExecution(ctx, workflow, "")
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, errTemporal.Because(err)
	}
	return described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// doomed is something to be deleted, once the part has been seen as a whole and
// if it is judged the same again then.
type doomed struct {
	kind   string
	judge  func(context.Context) (need, error)
	remove func(context.Context) error
	about  []any
}

// doom judges something for the first time.
func (l *look) doom(ctx context.Context, all *[]doomed, d doomed) error {
	verdict, err := d.judge(ctx)
	if err == nil && (verdict == unneeded || verdict == unknown) {
		*all = append(*all, d)
	}
	return err
}

// carryOut deletes, unless it is a dry run: at first what belongs to known
// documents, and when the phase is gone through again the rest, if the fuse has
// not blown. More of it than there was before is not believed either.
func (l *look) carryOut(ctx context.Context, all []doomed) error {
	l.result.Seen = temporal.JanitorSeen{Known: len(l.known), Unknown: len(l.unknown)}
	hold := l.Again && (l.Hold || len(l.unknown) > l.Expected+fuseCount)
	for _, d := range all {
		verdict, err := d.judge(ctx)
		if err != nil {
			return err
		}
		action := temporal.ActionDeleted
		switch {
		case verdict == needed || verdict == undecided || (verdict == unknown) != l.Again:
			continue
		case hold:
			action = temporal.ActionHeld
		case l.dryRun:
			action = temporal.ActionNone
		default:
			if err := d.remove(ctx); err != nil {
				return err
			}
		}
		l.found(ctx, d.kind, action, d.about...)
	}
	return nil
}

// JudgeUnknown decides, when a phase has been seen as a whole, whether so much
// of it is unknown that the database is to be doubted.
func (a *Janitor) JudgeUnknown(ctx context.Context, seen *temporal.JanitorSeen) (*temporal.JanitorSecond, error) {
	defer heartbeat(ctx)()
	active, _, err := a.Revisions.ActiveTotals(ctx)
	if err != nil {
		return nil, encode(ctx, err)
	}
	second := &temporal.JanitorSecond{Again: true, Expected: seen.Unknown}
	if active > 0 && (seen.Unknown <= fuseCount || fuseShare*seen.Unknown <= seen.Known) {
		return second, nil
	}
	second.Hold = true
	a.Logger.ErrorContext(ctx, "janitor: much of what is stored belongs to documents that the database does not know; it is not deleted. Is it the right database?",
		"unknown", seen.Unknown, "known", seen.Known, "active_documents", active)
	return second, nil
}
