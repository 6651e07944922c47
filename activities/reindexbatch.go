package activities

import (
	"context"
	"errors"

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
	var lacking []chatconnect.IndexedChunk
	var stored []temporal.ReindexPiece
	for _, piece := range in.Pieces {
		chunks, wanted, err := a.lacking(ctx, in, piece)
		if err != nil {
			return nil, encode(ctx, err)
		}
		if !wanted {
			if err := a.Index.Remove(ctx, in.ClientID, in.Generation, piece.Revision, piece.From, piece.To); err != nil {
				return nil, encode(ctx, err)
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
			return nil, encode(ctx, err)
		}
		result.Tokens += tokens
	}
	for _, piece := range stored {
		_, wanted, err := a.wanted(ctx, in.ClientID, piece.Revision)
		if err == nil && !wanted {
			err = a.Index.Remove(ctx, in.ClientID, in.Generation, piece.Revision, piece.From, piece.To)
		}
		if err != nil {
			return nil, encode(ctx, err)
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
		return nil, false, nil // its rows went while we looked
	}
	for _, i := range missing {
		lacking = append(lacking, chatconnect.IndexedChunk{Chunk: chunks[i-piece.From], DocumentName: document.Name})
	}
	return lacking, true, nil
}

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
	embedded, err := embedStrictly(ctx, a.Embedders, in.Generation, texts)
	if err != nil {
		return 0, err
	}
	a.Metrics.Embedded(in.Generation.Model, embedded.Tokens)
	for i := range chunks {
		chunks[i].Vector = embedded.Vectors[i]
	}
	return embedded.Tokens, a.Index.Upsert(ctx, in.ClientID, in.Generation, chunks)
}
