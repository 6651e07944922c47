package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// ActivateDocument lets search see the revision, after counting that every
// generation of the index holds all of it. If one does not (it began to be
// built while batches were under way, say), CodePointsMissing is returned: the
// workflow embeds again, over the points there are.
func (a *Ingestion) ActivateDocument(ctx context.Context, in *temporal.ActivateInput) (*temporal.IngestResult, error) {
	defer heartbeat(ctx)()
	started := time.Now()
	err := a.advance(ctx, &in.IngestInput, chatconnect.DocumentProgress{
		Status: chatconnect.StatusStoring, Stage: "Checking the search index",
	})
	repeated := errors.Is(err, errSuperseded) // and perhaps ready, so that it waits for nothing
	if err != nil && !repeated {
		return nil, a.failed(ctx, &in.IngestInput, chatconnect.StatusStoring, err)
	}
	points, err := a.Index.Count(ctx, in.ClientID, in.Revision())
	if err != nil && !repeated {
		return nil, a.failed(ctx, &in.IngestInput, chatconnect.StatusStoring, err)
	}
	if err != nil {
		return nil, encode(ctx, err)
	}
	if points != in.Chunks {
		a.Logger.WarnContext(ctx, "search index is incomplete", "document_id", in.DocumentID, "points", points, "chunks", in.Chunks)
		if points > in.Chunks { // left by an earlier chunking
			if err := a.Index.DeleteRevision(ctx, in.ClientID, in.Revision()); err != nil {
				return nil, encode(ctx, err)
			}
		}
		return nil, encode(ctx, errPointsMissing)
	}
	generations, err := a.Index.Generations(ctx)
	if err != nil {
		return nil, encode(ctx, err)
	}
	document, err := a.Documents.Activate(ctx, in.ClientID, in.Revision(), chatconnect.IngestionCost{
		Chunks: in.Chunks, Tokens: in.Tokens, EmbeddingModel: generations.Active.Model,
	})
	if errors.Is(err, chatconnect.ErrNotFound) {
		err = errSuperseded.Because(err)
	}
	if err != nil {
		return nil, encode(ctx, err)
	}
	a.publish(ctx, document)
	if err := a.Blobs.Delete(ctx, chatconnect.BlocksBlobKey(in.ClientID, in.Revision())); err != nil {
		return nil, encode(ctx, err)
	}
	a.Metrics.StageDone("activate", in.Type, time.Since(started))
	a.Metrics.Ingested(chatconnect.StatusReady, "")
	return &temporal.IngestResult{Status: chatconnect.StatusReady, Chunks: in.Chunks}, nil
}

var errPointsMissing = chatconnect.Errorf(chatconnect.KindConflict, temporal.CodePointsMissing, "The search index lost part of the document.")

// FailDocument removes what the revision left and then says why it ended, so
// that a document seen as failed has nothing left behind but its source file,
// from which a retry can start; or what a store refuses to remove.
func (a *Ingestion) FailDocument(ctx context.Context, in *temporal.FailInput) (*temporal.IngestResult, error) {
	defer heartbeat(ctx)()
	result := &temporal.IngestResult{Status: in.Status, Error: &in.Error}
	document, err := a.Documents.Document(ctx, in.ClientID, in.DocumentID)
	if errors.Is(err, chatconnect.ErrNotFound) {
		return result, a.removeRemains(ctx, in, true)
	}
	if err != nil {
		return nil, encode(ctx, err)
	}
	if document.ActiveVersion == in.Version && document.Status != chatconnect.StatusDeleting {
		// It became ready after all; only the tidying up behind it went wrong.
		return &temporal.IngestResult{Status: chatconnect.StatusReady, Chunks: document.ChunksTotal}, nil
	}
	if beingIngested(document, in.Version) && document.Status != chatconnect.StatusDeleting &&
		(in.Error.Code == errSuperseded.Code || queuedSince(ctx, document)) {
		// It was over and has been asked for again since: the sweeper starts
		// what we, under the same id, stood in the way of.
		return result, nil
	}
	// A file that never reached the index must not have to wait for it.
	if err := a.removeRemains(ctx, in, document.ChunksTotal > 0); err != nil {
		if !lasting(err) {
			return nil, err
		}
		// Waiting won't help, and a document that doesn't fail is begun again, for
		// ever. Search does not see what is left, and the janitor removes it.
		a.Logger.ErrorContext(ctx, "left behind by a document that failed", "document_id", in.DocumentID, "version", in.Version, "error", err)
	}
	if document.ActiveVersion > 0 && document.ActiveVersion != in.Version {
		return a.rollBack(ctx, in)
	}
	err = a.advance(ctx, &in.IngestInput, chatconnect.DocumentProgress{
		Status: in.Status, Stage: in.Error.Message, Error: &in.Error,
	})
	if err != nil && !errors.Is(err, errSuperseded) {
		return nil, encode(ctx, err)
	}
	a.Metrics.Ingested(in.Status, in.Error.Code)
	return result, nil
}

// queuedSince reports whether the document was queued after an earlier attempt
// at this activity, which then failed it and could not say so any more. The
// clocks are the database's and the server's: if they differ by more than the
// ingestion took, the document is left to the sweeper once, for nothing.
func queuedSince(ctx context.Context, document chatconnect.Document) bool {
	info := activity.GetInfo(ctx)
	return info.Attempt > 1 && len(document.Stages) > 0 && document.Stages[0].StartedAt.After(info.ScheduledTime)
}

// lasting reports whether the error is one that no other attempt would mend.
func lasting(err error) bool {
	var e *sdktemporal.ApplicationError
	return errors.As(err, &e) && e.NonRetryable()
}

// rollBack gives up a replacement: its file goes too, as there is nothing to
// retry, and the document stays what it was.
func (a *Ingestion) rollBack(ctx context.Context, in *temporal.FailInput) (*temporal.IngestResult, error) {
	if err := a.Blobs.DeletePrefix(ctx, chatconnect.VersionBlobPrefix(in.ClientID, in.Revision())); err != nil {
		return nil, encode(ctx, err)
	}
	document, changed, err := a.Documents.RollBack(ctx, in.ClientID, in.Revision(), in.Error)
	if err != nil && !errors.Is(err, chatconnect.ErrNotFound) {
		return nil, encode(ctx, err)
	}
	if changed {
		a.publish(ctx, document)
	}
	a.Metrics.Ingested(in.Status, in.Error.Code)
	return &temporal.IngestResult{Status: in.Status, Error: &in.Error}, nil
}

// RemoveReplaced removes the versions whose place this one took, never the
// active one: points first, for as long as there are rows search knows not to
// see them.
func (a *Ingestion) RemoveReplaced(ctx context.Context, in *temporal.IngestInput) (*struct{}, error) {
	defer heartbeat(ctx)()
	document, err := a.Documents.Document(ctx, in.ClientID, in.DocumentID)
	if errors.Is(err, chatconnect.ErrNotFound) {
		return &struct{}{}, nil // deleted meanwhile, with all its versions
	}
	if err != nil {
		return nil, encode(ctx, err)
	}
	for version := in.Replaces; version < min(in.Version, document.ActiveVersion); version++ {
		old := chatconnect.Revision{DocumentID: in.DocumentID, Version: version}
		for _, remove := range []func() error{
			func() error { return a.Index.DeleteRevision(ctx, in.ClientID, old) },
			func() error { return a.Documents.DeleteChunks(ctx, in.ClientID, old) },
			func() error { return a.Blobs.DeletePrefix(ctx, chatconnect.VersionBlobPrefix(in.ClientID, old)) },
		} {
			if err := remove(); err != nil {
				return nil, encode(ctx, err)
			}
		}
	}
	return &struct{}{}, nil
}

func (a *Ingestion) removeRemains(ctx context.Context, in *temporal.FailInput, indexed bool) error {
	if indexed {
		if err := a.Index.DeleteRevision(ctx, in.ClientID, in.Revision()); err != nil {
			return encode(ctx, err)
		}
		if err := a.Documents.DeleteChunks(ctx, in.ClientID, in.Revision()); err != nil {
			return encode(ctx, err)
		}
	}
	return encode(ctx, a.Blobs.Delete(ctx, chatconnect.BlocksBlobKey(in.ClientID, in.Revision())))
}
