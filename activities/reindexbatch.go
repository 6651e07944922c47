package activities

import (
	"context"
	"errors"
	"fmt"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// ReindexBatch embeds the chunks that a generation lacks and stores them in
// it. What is there already (from an earlier attempt, an earlier reindex that
// was ended, or the ingestion, which writes to all generations) costs nothing.
//
// A document may be deleted or replaced meanwhile. Whoever does that removes
// its points from all generations, but perhaps before these are stored; so it
// is looked up again afterwards, and what nobody wants any more is taken out.
// An attempt that dies in between is repeated, and finds the same.
func (a *Reindex) ReindexBatch(ctx context.Context, in *temporal.ReindexBatchInput) (*temporal.ReindexBatchResult, error) {
	defer heartbeat(ctx)()
	result, err := a.fill(ctx, in)
	if err != nil {
		return nil, encode(ctx, a.unlessLost(ctx, in.Generation, err))
	}
	return result, nil
}

func (a *Reindex) fill(ctx context.Context, in *temporal.ReindexBatchInput) (*temporal.ReindexBatchResult, error) {
	var lacking []chatconnect.IndexedChunk
	var stored []temporal.ReindexPiece
	for _, piece := range in.Pieces {
		chunks, wanted, err := a.lacking(ctx, in, piece)
		if err != nil {
			return nil, err
		}
		if !wanted {
			if err := a.Index.Remove(ctx, in.ClientID, in.Generation, piece.Revision, piece.From, piece.To); err != nil {
				return nil, err
			}
			continue
		}
		if len(chunks) > 0 {
			lacking, stored = append(lacking, chunks...), append(stored, piece)
		}
	}
	result := &temporal.ReindexBatchResult{Embedded: len(lacking)}
	for from := 0; from < len(lacking); from += embedAtOnce {
		tokens, err := a.store(ctx, in, lacking[from:min(from+embedAtOnce, len(lacking))])
		if err != nil {
			return nil, err
		}
		result.Tokens += tokens
	}
	for _, piece := range stored {
		_, wanted, err := a.wanted(ctx, in.ClientID, piece.Revision)
		if err == nil && !wanted {
			err = a.Index.Remove(ctx, in.ClientID, in.Generation, piece.Revision, piece.From, piece.To)
		}
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

// lacking returns the chunks of a piece that the generation does not hold;
// wanted is false if search is not to see the revision any more.
func (a *Reindex) lacking(ctx context.Context, in *temporal.ReindexBatchInput, piece temporal.ReindexPiece) (lacking []chatconnect.IndexedChunk, wanted bool, err error) {
	document, wanted, err := a.wanted(ctx, in.ClientID, piece.Revision)
	if err != nil || !wanted {
		return nil, false, err
	}
	missing, err := a.Index.Missing(ctx, in.ClientID, in.Generation, piece.Revision, piece.From, piece.To)
	if err != nil || len(missing) == 0 {
		return nil, true, err
	}
	chunks, err := a.Documents.Chunks(ctx, in.ClientID, piece.Revision, piece.From, piece.To)
	if err != nil {
		return nil, false, err
	}
	if len(chunks) != piece.To-piece.From {
		// Its rows went while we looked; or else they are damaged, and what the
		// index still holds may be all there is of them.
		if _, wanted, err = a.wanted(ctx, in.ClientID, piece.Revision); wanted && err == nil {
			a.Logger.ErrorContext(ctx, "reindex: chunks are missing in the database", "document_id", piece.DocumentID,
				"version", piece.Version, "from", piece.From, "to", piece.To, "found", len(chunks))
			err = errChunksMissing.Because(fmt.Errorf("document %s version %d: %d of the chunks %d to %d are in the database",
				piece.DocumentID, piece.Version, len(chunks), piece.From, piece.To-1))
		}
		return nil, false, err
	}
	for _, i := range missing {
		lacking = append(lacking, chatconnect.IndexedChunk{Chunk: chunks[i-piece.From], DocumentName: document.Name})
	}
	return lacking, true, nil
}

// errChunksMissing ends a reindex. Without it the passes would go on for ever,
// or leave out of the new index what the old one has.
var errChunksMissing = chatconnect.Errorf(chatconnect.KindInternal, "chunks_missing",
	"The database lacks a part of a document's text. Replace or delete the document (the worker's log names it), then start again.")

// wanted reports whether search is to see the revision.
func (a *Reindex) wanted(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision) (chatconnect.Document, bool, error) {
	document, err := a.Documents.Document(ctx, client, revision.DocumentID)
	if errors.Is(err, chatconnect.ErrNotFound) {
		return document, false, nil
	}
	return document, document.ActiveVersion == revision.Version && document.Status != chatconnect.StatusDeleting, err
}

func (a *Reindex) store(ctx context.Context, in *temporal.ReindexBatchInput, chunks []chatconnect.IndexedChunk) (tokens int, err error) {
	texts := make([]string, len(chunks))
	for i, chunk := range chunks {
		texts[i] = embeddedText(chunk.Chunk)
	}
	embedded, err := embedStrictly(ctx, a.Embedders, in.ClientID, in.Generation, texts)
	if err != nil {
		return 0, err
	}
	// The operator wants the new index, so no client's budget pays for it.
	a.Metrics.Embedded(embedded.Spent(in.Generation.Model))
	for i := range chunks {
		chunks[i].Vector = embedded.Vectors[i]
	}
	return embedded.Paid, a.Index.Upsert(ctx, in.ClientID, in.Generation, chunks)
}
