package activities

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

// ending is a store of a document that some workflow, begun for nothing, is
// about to fail; it has no index and no files, so that removing any panics.
type ending struct {
	chatconnect.DocumentStore
	document chatconnect.Document
}

func (e ending) Document(context.Context, chatconnect.ClientID, chatconnect.DocumentID) (chatconnect.Document, error) {
	return e.document, nil
}

// TestSupersededLeavesAloneWhatIsWantedAgain: a workflow that finds its version
// over may end after a person asked for it again. The version is then not
// failed, and nothing of it is touched.
func TestSupersededLeavesAloneWhatIsWantedAgain(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]chatconnect.Document{
		"asked for again": {Version: 1, Status: chatconnect.StatusQueued},
		"ready":           {Version: 1, ActiveVersion: 1, Status: chatconnect.StatusReady},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &Ingestion{Documents: ending{document: document}, Logger: slog.New(slog.DiscardHandler)}
			environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
			environment.RegisterActivity(a.FailDocument)
			_, err := environment.ExecuteActivity(a.FailDocument, &temporal.FailInput{
				IngestInput: temporal.IngestInput{ClientID: aClient, DocumentID: aDocument, Version: 1},
				Status:      chatconnect.StatusFailed,
				Error:       chatconnect.DocumentError{Code: errSuperseded.Code, Message: errSuperseded.Message},
			})
			require.NoError(t, err)
		})
	}
}

// refusing is an index that removes nothing.
type refusing struct {
	chatconnect.VectorIndex
	refusal error
}

func (r refusing) DeleteRevision(context.Context, chatconnect.ClientID, chatconnect.Revision) error {
	return r.refusal
}

// lost is a document whose chunks were being embedded.
type lost struct {
	chatconnect.DocumentStore
	chatconnect.BlobStore
	document chatconnect.Document
	steps    []chatconnect.DocumentProgress
	rolled   []chatconnect.DocumentError
}

func (l *lost) Document(context.Context, chatconnect.ClientID, chatconnect.DocumentID) (chatconnect.Document, error) {
	return l.document, nil
}

func (l *lost) UpdateProgress(_ context.Context, _ chatconnect.ClientID, p chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	l.steps = append(l.steps, p)
	return l.document, true, nil
}

func (l *lost) RollBack(_ context.Context, _ chatconnect.ClientID, _ chatconnect.Revision, why chatconnect.DocumentError) (chatconnect.Document, bool, error) {
	l.rolled = append(l.rolled, why)
	return l.document, true, nil
}

func (*lost) DeletePrefix(context.Context, string) error { return nil }

// TestADocumentFailsThoughItsRemainsCantBeRemoved: if it did not, its workflow
// would fail in its place, and the sweeper begin another one, for ever.
func TestADocumentFailsThoughItsRemainsCantBeRemoved(t *testing.T) {
	t.Parallel()
	refused := chatconnect.Errorf(chatconnect.KindInternal, "vector_store_error", "The search index refused the request.")
	away := chatconnect.Errorf(chatconnect.KindUnavailable, "vector_store_unavailable", "Away.")
	for name, test := range map[string]struct {
		active  int
		refusal error
		ends    bool
	}{
		"refused":                {0, refused, true},
		"refused, a replacement": {1, refused, true},
		"only away":              {0, away, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &lost{document: chatconnect.Document{
				Version: 2, ActiveVersion: test.active, Status: chatconnect.StatusEmbedding, ChunksTotal: 5,
			}}
			a := &Ingestion{Documents: l, Blobs: l, Index: refusing{refusal: test.refusal}, Progress: silence{}, Metrics: silence{}, Logger: slog.New(slog.DiscardHandler)}
			environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
			environment.RegisterActivity(a.FailDocument)
			why := chatconnect.DocumentError{Code: refused.Code, Message: refused.Message}
			_, err := environment.ExecuteActivity(a.FailDocument, &temporal.FailInput{
				IngestInput: temporal.IngestInput{ClientID: aClient, DocumentID: aDocument, Version: 2},
				Status:      chatconnect.StatusFailed, Error: why,
			})
			switch {
			case !test.ends:
				require.Error(t, err)
				require.Empty(t, l.steps)
			case test.active > 0:
				require.NoError(t, err)
				require.Equal(t, []chatconnect.DocumentError{why}, l.rolled)
			default:
				require.NoError(t, err)
				require.Len(t, l.steps, 1)
				require.Equal(t, chatconnect.StatusFailed, l.steps[0].Status)
				require.Equal(t, &why, l.steps[0].Error)
			}
		})
	}
}

// retried is a document whose failure is committed and not acknowledged; before
// the next attempt somebody has it tried again.
type retried struct {
	*lost
	failed *int
}

func (r retried) UpdateProgress(ctx context.Context, client chatconnect.ClientID, p chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	*r.failed++
	r.document.Status, r.document.Stages = chatconnect.StatusQueued, []chatconnect.StageTime{{StartedAt: time.Now().Add(time.Hour)}}
	return chatconnect.Document{}, false, chatconnect.Errorf(chatconnect.KindUnavailable, "database_unavailable", "Cut off.")
}

func (retried) Delete(context.Context, string) error { return nil }

// TestARepeatedFailureLeavesAloneWhatIsTriedAgain: it would fail what has only
// just been queued, with the reason of the attempt before.
func TestARepeatedFailureLeavesAloneWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	failed := 0
	r := retried{&lost{document: chatconnect.Document{
		Version: 1, Status: chatconnect.StatusParsing, Stages: []chatconnect.StageTime{{StartedAt: time.Now().Add(-time.Hour)}},
	}}, &failed}
	a := &Ingestion{Documents: r, Blobs: r, Progress: silence{}, Metrics: silence{}, Logger: slog.New(slog.DiscardHandler)}
	environment := workflowtest.New(t)
	environment.RegisterActivity(a.FailDocument)
	environment.ExecuteWorkflow(func(ctx workflow.Context) error {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, temporal.StageOptions(time.Minute)), a.FailDocument, &temporal.FailInput{
			IngestInput: temporal.IngestInput{ClientID: aClient, DocumentID: aDocument, Version: 1},
			Status:      chatconnect.StatusFailed, Error: chatconnect.DocumentError{Code: chatconnect.CodeCorrupt, Message: "Broken."},
		}).Get(ctx, nil)
	})
	require.NoError(t, environment.GetWorkflowError())
	require.Equal(t, 1, failed)
	require.Equal(t, chatconnect.StatusQueued, r.document.Status)
}
