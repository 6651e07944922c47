package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	sweepInterval = 15 * time.Second
	// sweepAge is how long a document may rest before the sweeper makes sure
	// that it has a workflow. Longer than any normal step between two writes,
	// and it only costs a repeated start when it is too short.
	sweepAge   = 10 * time.Second
	sweepLimit = 200
	// uploadAge is how long storing a file may take after its row was written;
	// the API gives it two minutes. A row that is older was left by a process
	// that died in between.
	uploadAge = 10 * time.Minute
)

// sweep starts the workflow of every document that waits without one, to be
// ingested or deleted, and of every client that is to be deleted: it was asked
// for while Temporal was away, or the process died between the row and the
// start. Starting twice attaches to the running workflow, so
// every worker may sweep.
func (w *Worker) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		if err := w.sweepOnce(ctx); err != nil && ctx.Err() == nil {
			w.Logger.WarnContext(ctx, "waiting documents not checked", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *Worker) sweepOnce(ctx context.Context) error {
	failed := append(w.sweepDocuments(ctx), w.sweepClients(ctx)...)
	if len(failed) > 1 { // of the same cause, as a rule
		return fmt.Errorf("%w (and %d more)", failed[0], len(failed)-1)
	}
	return errors.Join(failed...)
}

func (w *Worker) sweepDocuments(ctx context.Context) (failed []error) {
	ctx, cancel := context.WithTimeout(ctx, sweepInterval)
	defer cancel()
	documents, err := w.Documents.PendingDocuments(ctx, time.Now().Add(-sweepAge), sweepLimit)
	if err != nil {
		return []error{err}
	}
	// Neither one that can't be started nor a sweep that runs out of time keeps
	// the same ones from their turn every time: each list is drawn anew.
	for _, document := range documents {
		if err := w.pursue(ctx, document); err != nil {
			failed = append(failed, fmt.Errorf("document %s: %w", document.ID, err))
		}
	}
	return failed
}

func (w *Worker) sweepClients(ctx context.Context) (failed []error) {
	ctx, cancel := context.WithTimeout(ctx, sweepInterval)
	defer cancel()
	clients, err := w.Commands.Purges.PendingPurges(ctx, time.Now().Add(-sweepAge), sweepLimit)
	if err != nil {
		return []error{err}
	}
	for _, client := range clients {
		if err := temporal.StartPurge(ctx, w.Client, &temporal.PurgeInput{ClientID: client}); err != nil {
			failed = append(failed, fmt.Errorf("client %s: %w", client, err))
		}
	}
	return failed
}

// pursue has a document go on, if it still waits as it did when it was listed:
// two hundred are gone through, and meanwhile one may have become ready, and a
// workflow would be started for nothing.
func (w *Worker) pursue(ctx context.Context, listed chatconnect.Document) error {
	document, err := w.Documents.Document(ctx, listed.ClientID, listed.ID)
	if errors.Is(err, chatconnect.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case document.Status == chatconnect.StatusDeleting:
		return temporal.StartDelete(ctx, w.Client, temporal.DeleteInputOf(document))
	case document.Status.Final():
		return nil
	case document.Status == chatconnect.StatusUploading:
		return w.endUpload(ctx, document)
	default:
		return temporal.StartIngestion(ctx, w.Client, temporal.IngestInputOf(document))
	}
}

// endUpload fails a document whose file never arrived, so that it does not
// wait for ever, nor stand in the way of the same file uploaded again.
func (w *Worker) endUpload(ctx context.Context, document chatconnect.Document) error {
	if time.Since(document.UpdatedAt) < uploadAge {
		return nil // still running
	}
	failure := chatconnect.DocumentError{Code: chatconnect.CodeUploadIncomplete, Message: "The file did not arrive completely. Please send it again."}
	_, _, err := w.Documents.UpdateProgress(ctx, document.ClientID, chatconnect.DocumentProgress{
		DocumentID: document.ID, Version: document.Version,
		Status: chatconnect.StatusFailed, Stage: failure.Message, Error: &failure,
	})
	if err == nil {
		w.Logger.WarnContext(ctx, "upload given up", "document_id", document.ID, "client_id", document.ClientID)
	}
	return err
}
