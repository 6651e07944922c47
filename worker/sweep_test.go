package worker

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
)

// pending is a store of documents whose files are on their way.
type pending struct {
	chatconnect.DocumentStore
	chatconnect.PurgeStore
	documents []chatconnect.Document
	failed    []chatconnect.DocumentProgress
}

func (p *pending) PendingDocuments(context.Context, time.Time, int) ([]chatconnect.Document, error) {
	return p.documents, nil
}

func (p *pending) PendingPurges(context.Context, time.Time, int) ([]chatconnect.ClientID, error) {
	return nil, nil
}

func (p *pending) UpdateProgress(_ context.Context, _ chatconnect.ClientID, step chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	p.failed = append(p.failed, step)
	return chatconnect.Document{}, true, nil
}

func TestUploadsThatBrokeOffAreGivenUp(t *testing.T) {
	t.Parallel()
	store := &pending{documents: []chatconnect.Document{
		{ID: "running", Version: 1, Status: chatconnect.StatusUploading, UpdatedAt: time.Now().Add(-time.Minute)},
		{ID: "left", Version: 1, Status: chatconnect.StatusUploading, UpdatedAt: time.Now().Add(-time.Hour)},
	}}
	w := New(Options{Documents: store, Commands: &activities.Commands{Purges: store}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, w.sweepOnce(t.Context()))
	require.Len(t, store.failed, 1)
	step := store.failed[0]
	require.Equal(t, chatconnect.DocumentID("left"), step.DocumentID)
	require.Equal(t, chatconnect.StatusFailed, step.Status)
	require.Equal(t, chatconnect.CodeUploadIncomplete, step.Error.Code)
	require.NotEmpty(t, step.Error.Message)
}
