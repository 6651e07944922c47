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

// sweep starts the workflow of every document that waits without one: its
// upload was accepted while Temporal was away, or the process died between
// the row and the start. Starting twice attaches to the running workflow, so
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
		if document.Status == chatconnect.StatusUploading {
			continue // its upload is still running
		}
		in := &temporal.IngestInput{
			ClientID: document.ClientID, DocumentID: document.ID, Version: document.Version,
			Type: document.Type, Name: document.Name,
		}
		if err := temporal.StartIngestion(ctx, w.Client, in); err != nil {
			return err
		}
	}
	return nil
}
