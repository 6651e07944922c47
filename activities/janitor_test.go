package activities

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// house is every store the janitor looks at, small enough to state in a test.
type house struct {
	chatconnect.DocumentStore
	chatconnect.RevisionStore
	chatconnect.BlobStore
	client.Client

	documents map[chatconnect.DocumentID]chatconnect.Document
	running   map[string]bool // workflow ids
	database  error
	blobs     []chatconnect.BlobInfo
	points    []chatconnect.IndexedRevision
	removed   []string
	active    int

	generations chatconnect.Generations
}

func (h *house) Document(_ context.Context, _ chatconnect.ClientID, id chatconnect.DocumentID) (chatconnect.Document, error) {
	if h.database != nil {
		return chatconnect.Document{}, h.database
	}
	d, ok := h.documents[id]
	if !ok {
		return d, chatconnect.ErrNotFound
	}
	return d, nil
}

func (h *house) ActiveTotals(context.Context) (documents, chunks int, err error) {
	return h.active, 0, h.database
}

func (h *house) List(_ context.Context, cursor string, limit int) ([]chatconnect.BlobInfo, string, error) {
	from := 0
	if cursor != "" {
		_, _ = fmt.Sscan(cursor, &from)
	}
	to := min(from+limit, len(h.blobs))
	if to == len(h.blobs) {
		return h.blobs[from:to], "", nil
	}
	return h.blobs[from:to], fmt.Sprint(to), nil
}

func (h *house) Delete(_ context.Context, key string) error {
	h.removed = append(h.removed, key)
	return nil
}

func (h *house) ScanRevisions(context.Context, string, int) ([]chatconnect.IndexedRevision, string, error) {
	return h.points, "", nil
}

func (h *house) DocumentsUnderWay(_ context.Context, client chatconnect.ClientID, after chatconnect.DocumentID, limit int) ([]chatconnect.Document, error) {
	var page []chatconnect.Document
	for _, id := range slices.Sorted(maps.Keys(h.documents)) {
		if d := h.documents[id]; len(page) < limit && (client < d.ClientID || id > after) {
			page = append(page, d)
		}
	}
	return page, nil
}

// ActiveRevisions are none: what the index lacks is tested elsewhere.
func (*house) ActiveRevisions(context.Context, chatconnect.ClientID, chatconnect.DocumentID, int) ([]chatconnect.ActiveRevision, error) {
	return nil, nil
}

// index is its search index.
type index struct {
	chatconnect.VectorIndex
	house *house
}

func (i index) Generations(context.Context) (chatconnect.Generations, error) {
	return i.house.generations, nil
}

func (i index) DeleteRevision(_ context.Context, client chatconnect.ClientID, r chatconnect.Revision) error {
	i.house.removed = append(i.house.removed, temporal.IngestionWorkflowID(client, r))
	return nil
}

func (h *house) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if !h.running[id] {
		return nil, &serviceerror.NotFound{}
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
	}}, nil
}

func (*house) JanitorFound(string, string, int) {}

// sweep goes through a phase as the workflow does.
func (h *house) sweep(t *testing.T, dryRun bool, activity func(*Janitor) any) (temporal.JanitorPartResult, error) {
	t.Helper()
	a := &Janitor{
		Documents: h, Revisions: h, Blobs: h, Index: index{house: h}, Audit: h, Temporal: h, Metrics: h,
		Logger: slog.New(slog.DiscardHandler),
	}
	environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	look := activity(a)
	environment.RegisterActivity(look)
	environment.RegisterActivity(a.JudgeUnknown)
	run := func(activity, in, result any) error {
		value, err := environment.ExecuteActivity(activity, in)
		if err == nil {
			require.NoError(t, value.Get(result))
		}
		return err
	}
	var total temporal.JanitorPartResult
	var counted temporal.JanitorResult
	part := temporal.JanitorPart{DryRun: dryRun}
	for {
		var result temporal.JanitorPartResult
		if err := run(look, &part, &result); err != nil {
			return total, err
		}
		counted.Add(result.Findings...)
		if !part.Again {
			total.Examined += result.Examined
			total.Seen.Known += result.Seen.Known
			total.Seen.Unknown += result.Seen.Unknown
		}
		part.Cursor = result.Next
		switch {
		case part.Cursor != "":
		case part.Again || total.Seen.Unknown == 0:
			total.Findings = counted.Findings
			return total, nil
		default:
			if err := run(a.JudgeUnknown, &total.Seen, &part.JanitorSecond); err != nil {
				return total, err
			}
		}
	}
}

func sweepBlobs(a *Janitor) any  { return a.SweepBlobs }
func sweepPoints(a *Janitor) any { return a.SweepPoints }

const (
	aClient   = chatconnect.ClientID("c0000000-0000-4000-8000-000000000000")
	aDocument = chatconnect.DocumentID("d0000000-0000-4000-8000-000000000000")
)

// What is removed of version 2 of a document, by how the document stands.
func TestWhatTheJanitorRemoves(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		document       *chatconnect.Document
		running        int // the version whose workflow runs
		source, blocks bool
		points         string // the finding
	}{
		"no such document":              {nil, 0, true, true, temporal.FindingOrphanPoints},
		"no such document, at work":     {nil, 2, false, false, ""},
		"being ingested":                {&chatconnect.Document{Version: 2, ActiveVersion: 1, Status: chatconnect.StatusEmbedding}, 0, false, false, ""},
		"active":                        {&chatconnect.Document{Version: 2, ActiveVersion: 2, Status: chatconnect.StatusReady}, 0, false, true, ""},
		"active, its workflow tidying":  {&chatconnect.Document{Version: 2, ActiveVersion: 2, Status: chatconnect.StatusReady}, 2, false, false, ""},
		"active, being replaced":        {&chatconnect.Document{Version: 3, ActiveVersion: 2, Status: chatconnect.StatusParsing}, 0, false, true, ""},
		"replaced":                      {&chatconnect.Document{Version: 3, ActiveVersion: 3, Status: chatconnect.StatusReady}, 0, true, true, temporal.FindingStalePoints},
		"replaced, within its grace":    {&chatconnect.Document{Version: 3, ActiveVersion: 3, Status: chatconnect.StatusReady}, 3, false, false, ""},
		"failed":                        {&chatconnect.Document{Version: 2, Status: chatconnect.StatusFailed}, 0, false, true, temporal.FindingStalePoints},
		"failed, its workflow at work":  {&chatconnect.Document{Version: 2, Status: chatconnect.StatusFailed}, 2, false, false, ""},
		"cancelled":                     {&chatconnect.Document{Version: 2, Status: chatconnect.StatusCancelled}, 0, false, true, temporal.FindingStalePoints},
		"rolled back":                   {&chatconnect.Document{Version: 2, ActiveVersion: 1, Status: chatconnect.StatusReady}, 0, false, true, temporal.FindingStalePoints},
		"reserved and never begun":      {&chatconnect.Document{Version: 1, ActiveVersion: 1, Status: chatconnect.StatusReady}, 0, true, true, temporal.FindingStalePoints},
		"being deleted, by its own way": {&chatconnect.Document{Version: 2, ActiveVersion: 2, Status: chatconnect.StatusDeleting}, 0, false, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			revision := chatconnect.Revision{DocumentID: aDocument, Version: 2}
			source, blocks := chatconnect.SourceBlobKey(aClient, revision), chatconnect.BlocksBlobKey(aClient, revision)
			old := time.Now().Add(-2 * blobAge)
			h := &house{
				documents: map[chatconnect.DocumentID]chatconnect.Document{}, active: 1,
				running: map[string]bool{temporal.IngestionWorkflowID(aClient, chatconnect.Revision{DocumentID: aDocument, Version: test.running}): true},
				blobs:   []chatconnect.BlobInfo{{Key: source, ModifiedAt: old}, {Key: blocks, ModifiedAt: old}},
				points:  []chatconnect.IndexedRevision{{ClientID: aClient, Revision: revision, Points: 5}},
			}
			if test.document != nil {
				test.document.ID, test.document.ClientID = aDocument, aClient
				h.documents[aDocument] = *test.document
			}
			var want []string
			if test.source {
				want = append(want, source)
			}
			if test.blocks {
				want = append(want, blocks)
			}
			found, err := h.sweep(t, true, sweepBlobs)
			require.NoError(t, err)
			require.Empty(t, h.removed, "a dry run")
			require.Equal(t, len(want), temporal.JanitorResult{Findings: found.Findings}.Count(temporal.FindingOrphanBlob, temporal.ActionNone))
			found, err = h.sweep(t, false, sweepBlobs)
			require.NoError(t, err)
			require.Equal(t, want, h.removed)
			require.Equal(t, 2, found.Examined)

			h.removed = nil
			found, err = h.sweep(t, false, sweepPoints)
			require.NoError(t, err)
			if test.points == "" {
				require.Empty(t, h.removed)
				require.Empty(t, found.Findings)
			} else {
				require.Equal(t, []string{temporal.IngestionWorkflowID(aClient, revision)}, h.removed)
				require.Equal(t, []temporal.Finding{{Kind: test.points, Action: temporal.ActionDeleted, Count: 1}}, found.Findings)
			}
			require.Equal(t, 5, found.Examined)
		})
	}
}

func TestNothingIsRemovedWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	h := &house{
		database: chatconnect.Errorf(chatconnect.KindUnavailable, "database_unavailable", "Away."),
		blobs:    []chatconnect.BlobInfo{{Key: chatconnect.SourceBlobKey(aClient, chatconnect.Revision{DocumentID: aDocument, Version: 1})}},
		points:   []chatconnect.IndexedRevision{{ClientID: aClient, Revision: chatconnect.Revision{DocumentID: aDocument, Version: 1}, Points: 1}},
	}
	for _, activity := range []func(*Janitor) any{sweepBlobs, sweepPoints} {
		_, err := h.sweep(t, false, activity)
		require.ErrorContains(t, err, "Away.")
	}
	require.Empty(t, h.removed)
}

func TestYoungAndForeignThingsAreLeft(t *testing.T) {
	t.Parallel()
	old := time.Now().Add(-2 * blobAge)
	h := &house{
		active: 1,
		blobs: []chatconnect.BlobInfo{
			{Key: chatconnect.SourceBlobKey(aClient, chatconnect.Revision{DocumentID: aDocument, Version: 1}), ModifiedAt: time.Now().Add(-blobAge / 2)},
			{Key: "a/b/1/source.1f.tmp", ModifiedAt: time.Now().Add(-blobAge / 2), Unfinished: true},
			{Key: "a/b/1/source.2f.tmp", ModifiedAt: old, Unfinished: true},
			{Key: "lost/found", ModifiedAt: old},
			{Key: string(aClient) + "/" + string(aDocument) + "/0/source", ModifiedAt: old},
			{Key: string(aClient) + "/" + string(aDocument) + "/1/deeper/source", ModifiedAt: old},
		},
		points: []chatconnect.IndexedRevision{{Points: 3}},
	}
	found, err := h.sweep(t, false, sweepBlobs)
	require.NoError(t, err)
	require.Equal(t, []string{"a/b/1/source.2f.tmp"}, h.removed)
	require.ElementsMatch(t, []temporal.Finding{
		{Kind: temporal.FindingUnfinishedBlob, Action: temporal.ActionDeleted, Count: 1},
		{Kind: temporal.FindingForeignBlob, Action: temporal.ActionReported, Count: 3},
	}, found.Findings)
	found, err = h.sweep(t, false, sweepPoints)
	require.NoError(t, err)
	require.Equal(t, []temporal.Finding{{Kind: temporal.FindingForeignPoints, Action: temporal.ActionReported, Count: 1}}, found.Findings)
}

// The fuse: a database that does not know what many things are is doubted.
func TestTheFuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		unknown, known, active int
		action                 string
		versions               int // with a file, of each document
	}{
		"a few":                    {fuseCount, 1, 1, temporal.ActionDeleted, 1},
		"many, among far more":     {fuseCount + 1, fuseShare * (fuseCount + 1), 1, temporal.ActionDeleted, 1},
		"many":                     {fuseCount + 1, fuseShare*(fuseCount+1) - 1, 1, temporal.ActionHeld, 1},
		"an empty database":        {1, 0, 0, temporal.ActionHeld, 1},
		"one, of many that belong": {1, 10, 1, temporal.ActionDeleted, 1},
		// Parts of which no single one would blow it, and one that would.
		"many, a few in each part":          {3 * fuseCount, 1, 1, temporal.ActionHeld, blobsPerPart / fuseCount},
		"many in a part, among far more":    {fuseCount + 1, fuseShare * (fuseCount + 1), 1, temporal.ActionDeleted, blobsPerPart / (fuseCount + 5)},
		"many in a part, among not so many": {fuseCount + 1, fuseShare*(fuseCount+1) - 30, 1, temporal.ActionHeld, blobsPerPart / (fuseCount + 5)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &house{documents: map[chatconnect.DocumentID]chatconnect.Document{}, active: test.active}
			for n := range test.unknown + test.known {
				id := chatconnect.DocumentID(fmt.Sprintf("d0000000-0000-4000-8000-%012d", n))
				if n >= test.unknown {
					h.documents[id] = chatconnect.Document{ID: id, ClientID: aClient, Version: 1, ActiveVersion: 1, Status: chatconnect.StatusDeleting}
				}
				for version := range test.versions {
					h.blobs = append(h.blobs, chatconnect.BlobInfo{Key: chatconnect.SourceBlobKey(aClient, chatconnect.Revision{DocumentID: id, Version: version + 1})})
				}
			}
			found, err := h.sweep(t, false, sweepBlobs)
			require.NoError(t, err)
			require.Equal(t, []temporal.Finding{{Kind: temporal.FindingOrphanBlob, Action: test.action, Count: test.unknown * test.versions}}, found.Findings)
			if test.action == temporal.ActionHeld {
				require.Empty(t, h.removed)
			} else {
				require.Len(t, h.removed, test.unknown*test.versions)
			}
		})
	}
}

// Documents that wait, and say so all the time, hide none that is stuck.
func TestStuckDocumentsAreFoundAmongAnyNumber(t *testing.T) {
	t.Parallel()
	h := &house{documents: map[chatconnect.DocumentID]chatconnect.Document{}}
	const stuck = 3
	for n := range 2*underWayPerPart + stuck {
		d := chatconnect.Document{
			ID: chatconnect.DocumentID(fmt.Sprintf("d0000000-0000-4000-8000-%012d", n)), ClientID: aClient, UpdatedAt: time.Now(),
			Status: chatconnect.StatusEmbedding, Stages: []chatconnect.StageTime{{StartedAt: time.Now()}},
		}
		if n >= 2*underWayPerPart {
			d.Stages[0].StartedAt = time.Now().Add(-2 * stuckAge)
		}
		h.documents[d.ID] = d
	}
	found, err := h.sweep(t, false, func(a *Janitor) any { return a.FindStuck })
	require.NoError(t, err)
	require.Equal(t, 2*underWayPerPart+stuck, found.Examined)
	require.Equal(t, []temporal.Finding{{Kind: temporal.FindingStuckDocument, Action: temporal.ActionReported, Count: stuck}}, found.Findings)
}

// A reindex that was ended by force is noticed by what it left.
func TestIdleGenerationsAreReported(t *testing.T) {
	t.Parallel()
	findShort := func(a *Janitor) any { return a.FindShort }
	other := &chatconnect.Generation{Collection: "other"}
	for name, test := range map[string]struct {
		generations chatconnect.Generations
		running     bool
		found       int
	}{
		"one":                      {chatconnect.Generations{}, false, 0},
		"being built":              {chatconnect.Generations{Next: other}, true, 0},
		"half built and left":      {chatconnect.Generations{Next: other}, false, 1},
		"replaced and not removed": {chatconnect.Generations{Previous: other}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &house{generations: test.generations, running: map[string]bool{temporal.ReindexWorkflowID: test.running}}
			found, err := h.sweep(t, false, findShort)
			require.NoError(t, err)
			require.Equal(t, test.found, temporal.JanitorResult{Findings: found.Findings}.Count(temporal.FindingIdleGeneration, temporal.ActionReported))
		})
	}
}
