package worker

import (
	"context"
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
	ctx, cancel := context.WithTimeout(ctx, sweepInterval)
	defer cancel()
	documents, err := w.Documents.PendingDocuments(ctx, time.Now().Add(-sweepAge), sweepLimit)
	if err != nil {
		return err
	}
	for _, document := range documents {
		switch document.Status {
		case chatconnect.StatusUploading: // its upload is still running
		case chatconnect.StatusDeleting:
			err = temporal.StartDelete(ctx, w.Client, temporal.DeleteInputOf(document))
		default:
			err = temporal.StartIngestion(ctx, w.Client, temporal.IngestInputOf(document))
		}
		if err != nil {
			return err
		}
	}
	clients, err := w.Commands.Purges.PendingPurges(ctx, time.Now().Add(-sweepAge), sweepLimit)
	if err != nil {
		return err
	}
	for _, client := range clients {
		if err := temporal.StartPurge(ctx, w.Client, &temporal.PurgeInput{ClientID: client}); err != nil {
			return err
		}
	}
	return nil
}
