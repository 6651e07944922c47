package worker

import (
	"context"
	"errors"
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
	documents []chatconnect.Document // as they were listed
	now       map[chatconnect.DocumentID]chatconnect.Document
	failed    []chatconnect.DocumentProgress
}

var errBroken = errors.New("this row can't be read")

func (p *pending) PendingDocuments(context.Context, time.Time, int) ([]chatconnect.Document, error) {
	return p.documents, nil
}

func (p *pending) Document(_ context.Context, _ chatconnect.ClientID, id chatconnect.DocumentID) (chatconnect.Document, error) {
	if now, changed := p.now[id]; changed {
		if now.Status == "" {
			return now, chatconnect.ErrNotFound
		}
		return now, nil
	}
	for _, document := range p.documents {
		if document.ID == id && id != "broken" {
			return document, nil
		}
	}
	return chatconnect.Document{}, errBroken
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
		{ID: "broken", Version: 1, Status: chatconnect.StatusUploading}, // keeps nobody from their turn
		{ID: "running", Version: 1, Status: chatconnect.StatusUploading, UpdatedAt: time.Now().Add(-time.Minute)},
		{ID: "left", Version: 1, Status: chatconnect.StatusUploading, UpdatedAt: time.Now().Add(-time.Hour)},
	}}
	w := New(Options{Documents: store, Commands: &activities.Commands{Purges: store}, Logger: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, w.sweepOnce(t.Context()), errBroken)
	require.Len(t, store.failed, 1)
	step := store.failed[0]
	require.Equal(t, chatconnect.DocumentID("left"), step.DocumentID)
	require.Equal(t, chatconnect.StatusFailed, step.Status)
	require.Equal(t, chatconnect.CodeUploadIncomplete, step.Error.Code)
	require.NotEmpty(t, step.Error.Message)
}

// TestWhatHasEndedIsNotStartedAgain: between the list and its turn a document
// may end. There is no Temporal here, so that starting anything would panic.
func TestWhatHasEndedIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	store := &pending{now: map[chatconnect.DocumentID]chatconnect.Document{
		"ready":  {Status: chatconnect.StatusReady},
		"failed": {Status: chatconnect.StatusFailed},
		"gone":   {},
	}}
	for id := range store.now {
		store.documents = append(store.documents, chatconnect.Document{ID: id, Version: 1, Status: chatconnect.StatusEmbedding})
	}
	w := New(Options{Documents: store, Commands: &activities.Commands{Purges: store}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, w.sweepOnce(t.Context()))
}
