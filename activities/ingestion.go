package activities

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// IngestionMetrics counts what ingestion does.
type IngestionMetrics interface {
	StageDone(stage string, fileType chatconnect.FileType, d time.Duration)
	Ingested(status chatconnect.Status, code string)
	Embedded(spent chatconnect.Completion)
}

// Ingestion are the activities of the IngestDocument workflow.
type Ingestion struct {
	Documents chatconnect.DocumentStore
	Blobs     chatconnect.BlobStore
	Parser    chatconnect.Parser
	Chunker   chatconnect.Chunker
	Embedders chatconnect.Embedders
	Index     chatconnect.VectorIndex
	Progress  chatconnect.ProgressFeed
	Budgets   chatconnect.BudgetStore
	Metrics   IngestionMetrics
	Logger    *slog.Logger
}

// Shares of the progress bar. The store derives the embedding stage's own
// share, the rest, from the batches done.
const (
	progressParsing  = 1
	progressChunking = 15
	progressChunked  = 20
)

// patience is how often an error that nothing is known about is tried again,
// over some minutes. A document must not be "processing" for ever because of a
// bug; outages, which are known as such, are waited out.
const patience = 10

// encode turns an error into the form activities of ingestion return.
func encode(ctx context.Context, err error) error {
	e := chatconnect.AsError(err)
	if err != nil && e.Kind == chatconnect.KindInternal && activity.GetInfo(ctx).Attempt >= patience && ctx.Err() == nil {
		return sdktemporal.NewNonRetryableApplicationError(e.Message, e.Code, err)
	}
	return temporal.EncodeError(err)
}

// Encode is for errors that come about around an activity, such as its panic.
func Encode(ctx context.Context, err error) error { return encode(ctx, err) }

// errFileGone is a blob that should be there and is not.
var errFileGone = chatconnect.Errorf(chatconnect.KindInvalid, "file_missing", "The uploaded file is gone. Please upload it again.")

func (a *Ingestion) openBlob(ctx context.Context, key string) (io.ReadCloser, error) {
	content, err := a.Blobs.Open(ctx, key)
	if errors.Is(err, chatconnect.ErrNotFound) {
		return nil, errFileGone.Because(err)
	}
	return content, err
}

// errSuperseded ends the work on a version that is no longer wanted: its
// document was deleted, cancelled or replaced meanwhile.
var errSuperseded = chatconnect.Errorf(chatconnect.KindConflict, temporal.CodeSuperseded, "This version is no longer wanted.")

// advance writes progress and tells the dashboards. It is an error if the
// version is no longer the one being ingested.
func (a *Ingestion) advance(ctx context.Context, in *temporal.IngestInput, p chatconnect.DocumentProgress) error {
	p.DocumentID, p.Version = in.DocumentID, in.Version
	document, changed, err := a.Documents.UpdateProgress(ctx, in.ClientID, p)
	if errors.Is(err, chatconnect.ErrNotFound) {
		return errSuperseded.Because(err)
	}
	if err != nil {
		return err
	}
	if changed {
		a.publish(ctx, document)
		return nil
	}
	if document.Version != in.Version || document.Status.Final() || document.Status == chatconnect.StatusDeleting {
		return errSuperseded
	}
	return nil
}

// publish is best effort: a dashboard that misses a delta takes a snapshot
// when it reconnects, and Postgres holds the truth.
func (a *Ingestion) publish(ctx context.Context, document chatconnect.Document) {
	if err := a.Progress.PublishDocument(ctx, document); err != nil {
		a.Logger.WarnContext(ctx, "document progress not published", "document_id", document.ID, "error", err)
	}
}
