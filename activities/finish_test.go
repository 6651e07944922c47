package activities

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	chatconnect "github.com/chatconnect/chatconnect"
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
