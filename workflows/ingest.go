package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	// A batch is what a failure repeats; small enough to be cheap, large
	// enough that a long document stays within maxBatches activities and its
	// history within a few thousand events.
	minBatchSize = 64
	maxBatches   = 400
	// batchesAtOnce bounds what one document asks of the embedding provider.
	batchesAtOnce = 4
	// fillings is how often an index that lost points is filled again.
	fillings = 3
	// replacedGrace outlasts an attempt at a search (RetrieveOptions): one that read which
	// versions are active before the flip still finds the old one's points.
	replacedGrace = 30 * time.Second
)

// ingestion is the state of one IngestDocument workflow.
type ingestion struct {
	*temporal.IngestInput
	progress temporal.IngestProgress
}

// IngestDocument takes one version of a document from its uploaded file to
// being searchable: parse, chunk, embed and store in batches, activate.
//
// A file that can't be read ends as a result with an Error, an outage is
// waited out, and only cancellation and bugs end it early.
func IngestDocument(ctx workflow.Context, in *temporal.IngestInput) (*temporal.IngestResult, error) {
	w := &ingestion{IngestInput: in, progress: temporal.IngestProgress{Status: chatconnect.StatusQueued}}
	if err := workflow.SetQueryHandler(ctx, temporal.QueryProgress, func() (temporal.IngestProgress, error) {
		return w.progress, nil
	}); err != nil {
		return nil, err
	}
	result, err := w.run(ctx)
	if err != nil {
		result, err = w.fail(ctx, err)
		// What became ready after all was cancelled too late, or only not tidied
		// up; searches began before it did.
		ctx, _ = workflow.NewDisconnectedContext(ctx)
	}
	if err != nil {
		return nil, err
	}
	w.progress.Status = result.Status
	if result.Status == chatconnect.StatusReady {
		w.removeReplaced(ctx)
	}
	return result, nil
}

func (w *ingestion) run(ctx workflow.Context) (*temporal.IngestResult, error) {
	var a *activities.Ingestion

	w.progress.Status = chatconnect.StatusParsing
	parsing := workflow.WithActivityOptions(ctx, temporal.ParseOptions(10*time.Minute))
	if err := workflow.ExecuteActivity(parsing, a.ParseDocument, w.IngestInput).Get(ctx, nil); err != nil {
		return nil, err
	}
	w.progress.Status = chatconnect.StatusChunking
	var chunked temporal.ChunkResult
	if err := stage(ctx, 10*time.Minute, a.ChunkDocument, w.IngestInput, &chunked); err != nil {
		return nil, err
	}
	for filling := 1; ; filling++ {
		w.progress.Status = chatconnect.StatusEmbedding
		if err := w.embed(ctx, chunked.Chunks); err != nil {
			return nil, err
		}
		w.progress.Status = chatconnect.StatusStoring
		var result temporal.IngestResult
		err := stage(ctx, 5*time.Minute, a.ActivateDocument, &temporal.ActivateInput{
			IngestInput: *w.IngestInput, Chunks: chunked.Chunks, Tokens: chunked.Tokens,
		}, &result)
		if err == nil {
			return &result, nil
		}
		if temporal.DecodeError(err).Code != temporal.CodePointsMissing || filling == fillings {
			return nil, err
		}
	}
}

// embed runs the batches, at most batchesAtOnce at a time. The first failure
// that retries can't mend ends it.
func (w *ingestion) embed(ctx workflow.Context, chunks int) error {
	var a *activities.Ingestion
	size := max(minBatchSize, (chunks+maxBatches-1)/maxBatches)
	batches := (chunks + size - 1) / size
	w.progress.ChunksTotal, w.progress.Batches, w.progress.BatchesDone = chunks, batches, 0

	return inBatches(ctx, batches, batchesAtOnce, func(ctx workflow.Context, batch int) error {
		in := &temporal.EmbedBatchInput{IngestInput: *w.IngestInput, Batch: batch, From: batch * size, To: min((batch+1)*size, chunks)}
		paced := workflow.WithActivityOptions(ctx, temporal.EmbedOptions(5*time.Minute))
		if err := workflow.ExecuteActivity(paced, a.EmbedBatch, in).Get(ctx, nil); err != nil {
			return err
		}
		w.progress.BatchesDone++
		return nil
	})
}

// removeReplaced removes the versions whose place this one took, once every
// search that began before it did has ended. When the workflow is cancelled
// meanwhile its document is being deleted, and nothing is worth waiting for.
func (w *ingestion) removeReplaced(ctx workflow.Context) {
	if w.Replaces == 0 {
		return
	}
	_ = workflow.Sleep(ctx, replacedGrace)
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var a *activities.Ingestion
	if err := stage(ctx, 5*time.Minute, a.RemoveReplaced, w.IngestInput, nil); err != nil {
		workflow.GetLogger(ctx).Error("replaced version not removed", "error", err)
	}
}

// fail removes what the version left and records why, also when the workflow
// itself has been cancelled.
func (w *ingestion) fail(ctx workflow.Context, cause error) (*temporal.IngestResult, error) {
	in := &temporal.FailInput{IngestInput: *w.IngestInput, Status: chatconnect.StatusFailed}
	switch e := temporal.DecodeError(cause); {
	case ctx.Err() != nil: // whatever error that surfaced as
		in.Status = chatconnect.StatusCancelled
		in.Error = chatconnect.DocumentError{Code: "document_cancelled", Message: "Processing was cancelled."}
	case e.Kind == chatconnect.KindInternal:
		workflow.GetLogger(ctx).Error("ingestion failed", "error", cause)
		fallthrough
	default:
		in.Error = chatconnect.DocumentError{Code: e.Code, Message: e.Message}
	}
	w.progress.Status = in.Status
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var a *activities.Ingestion
	var result temporal.IngestResult
	if err := stage(ctx, 5*time.Minute, a.FailDocument, in, &result); err != nil {
		return nil, err
	}
	return &result, nil
}

// stage runs one activity under the options of an ingestion stage.
func stage(ctx workflow.Context, attempt time.Duration, activity, in, result any) error {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, temporal.StageOptions(attempt)), activity, in).Get(ctx, result)
}
