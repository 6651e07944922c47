package activities

import (
	"context"
	"errors"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	pointsPerPage    = 2000
	pointsPerPart    = 100_000
	revisionsPerPart = 200
	shortPerPart     = 20
	stuckAge         = 24 * time.Hour
	underWayPerPart  = 1000
)

// SweepPoints removes points whose revision is no longer anything: those of
// writers that were cut off and came back late, say.
func (a *Janitor) SweepPoints(ctx context.Context, in *temporal.JanitorPart) (*temporal.JanitorPartResult, error) {
	defer heartbeat(ctx)()
	l := a.look(in)
	var all []doomed
	judged := map[chatconnect.IndexedRevision]bool{} // without counts
	l.result.Next = in.Cursor
	for {
		page, next, err := a.Audit.ScanRevisions(ctx, l.result.Next, pointsPerPage)
		if err != nil {
			return nil, encode(ctx, err)
		}
		for _, found := range page {
			l.result.Examined += found.Points
			seen := found
			seen.Points = 0
			if judged[seen] {
				continue
			}
			judged[seen] = true
			if err := l.points(ctx, found, &all); err != nil {
				return nil, encode(ctx, err)
			}
		}
		l.result.Next = next
		if next == "" || l.result.Examined >= pointsPerPart || l.late() {
			break
		}
	}
	if err := l.carryOut(ctx, all); err != nil {
		return nil, encode(ctx, err)
	}
	return &l.result, nil
}

func (l *look) points(ctx context.Context, found chatconnect.IndexedRevision, all *[]doomed) error {
	if found.ClientID == "" { // nothing that a client's own methods could remove
		if !l.Again {
			l.found(ctx, temporal.FindingForeignPoints, temporal.ActionReported, "points", found.Points)
		}
		return nil
	}
	wanted := func(d chatconnect.Document) bool { return inUse(d, found.Version) }
	d := doomed{
		kind:  temporal.FindingStalePoints,
		about: []any{"client_id", found.ClientID, "document_id", found.DocumentID, "version", found.Version, "points_seen", found.Points},
		judge: func(ctx context.Context) (need, error) { return l.need(ctx, found.ClientID, found.Revision, wanted) },
		remove: func(ctx context.Context) error {
			return l.Index.DeleteRevision(ctx, found.ClientID, found.Revision)
		},
	}
	before := len(*all)
	if err := l.doom(ctx, all, d); err != nil {
		return err
	}
	if len(*all) > before && l.unknown[owner{found.ClientID, found.DocumentID}] {
		(*all)[before].kind = temporal.FindingOrphanPoints
	}
	return nil
}

// FindShort compares active revisions with what the generation that is searched
// holds of them. Those with too little are returned, to be filled again.
func (a *Janitor) FindShort(ctx context.Context, in *temporal.JanitorPart) (*temporal.JanitorPartResult, error) {
	defer heartbeat(ctx)()
	l := a.look(in)
	if in.Cursor == "" {
		if err := l.generations(ctx); err != nil {
			return nil, encode(ctx, err)
		}
	}
	client, document, _ := strings.Cut(in.Cursor, "/")
	revisions, err := a.Revisions.ActiveRevisions(ctx, chatconnect.ClientID(client), chatconnect.DocumentID(document), revisionsPerPart)
	if err != nil {
		return nil, encode(ctx, err)
	}
	for i, r := range revisions {
		points, err := a.pointsOf(ctx, r.ClientID, r.Revision)
		if err != nil {
			return nil, encode(ctx, err)
		}
		if points != r.Chunks {
			if err := l.compare(ctx, r, points); err != nil {
				return nil, encode(ctx, err)
			}
		}
		l.result.Examined++
		if enough := len(l.result.Short) == shortPerPart || l.late(); enough || i == len(revisions)-1 && len(revisions) == revisionsPerPart {
			l.result.Next = placeAfter(r.ClientID, r.DocumentID)
			break
		}
	}
	return &l.result, nil
}

// generations notes those that a reindex left which was ended by force: every
// upload is stored in them too, and waits for the model of one half built. The
// next reindex goes on from there or removes them, as a person wishes.
func (l *look) generations(ctx context.Context) error {
	generations, err := l.Index.Generations(ctx)
	if err != nil || len(generations.All()) == 1 {
		return err
	}
	running, err := l.running(ctx, temporal.ReindexWorkflowID)
	if err != nil || running {
		return err
	}
	for _, g := range generations.All()[1:] {
		l.found(ctx, temporal.FindingIdleGeneration, temporal.ActionReported, "collection", g.Collection, "model", g.Model, "dimensions", g.Dimensions)
	}
	return nil
}

// compare notes what is wrong with an active revision, if it still is one: it
// may have been replaced before its points were counted.
func (l *look) compare(ctx context.Context, r chatconnect.ActiveRevision, points int) error {
	document, exists, err := l.document(ctx, owner{r.ClientID, r.DocumentID}, true)
	if err != nil || !exists || document.ActiveVersion != r.Version || document.Status == chatconnect.StatusDeleting {
		return err
	}
	about := aboutRevision(r.ClientID, r.Revision, r.Chunks, points)
	switch {
	case points > r.Chunks:
		l.found(ctx, temporal.FindingSurplusPoints, temporal.ActionReported, about...)
	case l.dryRun:
		l.found(ctx, temporal.FindingMissingPoints, temporal.ActionNone, about...)
	default:
		l.result.Short = append(l.result.Short, temporal.ShortRevision{
			IngestInput: temporal.IngestInput{
				ClientID: r.ClientID, DocumentID: r.DocumentID, Version: r.Version, Type: document.Type, Name: document.Name,
			},
			Chunks: r.Chunks, Points: points,
		})
	}
	return nil
}

func aboutRevision(client chatconnect.ClientID, r chatconnect.Revision, chunks, points int) []any {
	return []any{"client_id", client, "document_id", r.DocumentID, "version", r.Version, "chunks", chunks, "points", points}
}

// CheckRepaired counts again after a revision was filled.
func (a *Janitor) CheckRepaired(ctx context.Context, in *temporal.ShortRevision) (*temporal.JanitorPartResult, error) {
	defer heartbeat(ctx)()
	l := a.look(&temporal.JanitorPart{})
	document, err := a.Documents.Document(ctx, in.ClientID, in.DocumentID)
	if errors.Is(err, chatconnect.ErrNotFound) || err == nil && document.ActiveVersion != in.Version {
		return &l.result, nil // gone meanwhile, and with it the finding
	}
	if err != nil {
		return nil, encode(ctx, err)
	}
	points, err := a.pointsOf(ctx, in.ClientID, in.Revision())
	if err != nil {
		return nil, encode(ctx, err)
	}
	action := temporal.ActionRepaired
	if points < in.Chunks {
		action = temporal.ActionReported
	}
	l.found(ctx, temporal.FindingMissingPoints, action, append(aboutRevision(in.ClientID, in.Revision(), in.Chunks, points), "points_before", in.Points)...)
	return &l.result, nil
}

func (a *Janitor) pointsOf(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision) (int, error) {
	generations, err := a.Index.Generations(ctx)
	if err != nil {
		return 0, err
	}
	return a.Index.CountIn(ctx, client, generations.Active, revision)
}

// FindStuck reports documents that have been under way for more than a day.
// Whether they have a workflow is the sweeper's business.
func (a *Janitor) FindStuck(ctx context.Context, in *temporal.JanitorPart) (*temporal.JanitorPartResult, error) {
	defer heartbeat(ctx)()
	l := a.look(in)
	client, id, _ := strings.Cut(in.Cursor, "/")
	documents, err := a.Documents.DocumentsUnderWay(ctx, chatconnect.ClientID(client), chatconnect.DocumentID(id), underWayPerPart)
	if err != nil {
		return nil, encode(ctx, err)
	}
	for _, document := range documents {
		l.result.Examined++
		if since := underWaySince(document); time.Since(since) > stuckAge {
			l.found(ctx, temporal.FindingStuckDocument, temporal.ActionReported,
				"client_id", document.ClientID, "document_id", document.ID, "version", document.Version,
				"status", document.Status, "stage", document.Stage, "since", since)
		}
	}
	if n := len(documents); n == underWayPerPart {
		l.result.Next = placeAfter(documents[n-1].ClientID, documents[n-1].ID)
	}
	return &l.result, nil
}

// placeAfter is the cursor of a list ordered by client and document.
func placeAfter(client chatconnect.ClientID, document chatconnect.DocumentID) string {
	return string(client) + "/" + string(document)
}

// underWaySince is when the attempt was queued; a sentence that says what it
// waits for is news, but no progress.
func underWaySince(d chatconnect.Document) time.Time {
	if d.Status == chatconnect.StatusDeleting || len(d.Stages) == 0 {
		return d.UpdatedAt
	}
	return d.Stages[0].StartedAt
}
