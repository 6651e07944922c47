package activities

import (
	"context"
	"errors"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// embedAtOnce is how many texts go to the provider in one call: well under
// its limits of 2,048 texts and 300,000 tokens with chunks of 500.
const embedAtOnce = 128

// EmbedBatch embeds a range of chunks and stores them in the index under ids
// that a repetition writes again, never twice.
func (a *Ingestion) EmbedBatch(ctx context.Context, in *temporal.EmbedBatchInput) (*struct{}, error) {
	defer heartbeat(ctx)()
	started := time.Now()
	chunks, err := a.Documents.Chunks(ctx, in.ClientID, in.Revision(), in.From, in.To)
	if err != nil {
		return nil, encode(ctx, err)
	}
	if len(chunks) != in.To-in.From {
		// The rows went while the batch waited: the document was deleted or
		// the version given up.
		return nil, encode(ctx, a.takeBack(ctx, in))
	}
	for from := 0; from < len(chunks); from += embedAtOnce {
		part := chunks[from:min(from+embedAtOnce, len(chunks))]
		err := a.checkBudget(ctx, in)
		if err == nil {
			err = a.embedAndStore(ctx, in, part)
		}
		if err != nil {
			return nil, a.failed(ctx, &in.IngestInput, chatconnect.StatusEmbedding, err)
		}
	}
	document, err := a.Documents.CompleteBatch(ctx, in.ClientID, in.Revision(), in.Batch, len(chunks))
	if errors.Is(err, chatconnect.ErrNotFound) || err == nil && !indexed(document, in.Version) {
		err = a.takeBack(ctx, in)
	}
	if err != nil {
		return nil, encode(ctx, err)
	}
	a.publish(ctx, document)
	if err := a.waitIsOver(ctx, &in.IngestInput, document); err != nil {
		return nil, encode(ctx, err)
	}
	a.Metrics.StageDone("embed", in.Type, time.Since(started))
	return &struct{}{}, nil
}

// indexed reports whether the index is to hold the version.
func indexed(d chatconnect.Document, version int) bool {
	return d.Status != chatconnect.StatusDeleting && (version == d.ActiveVersion || beingIngested(d, version))
}

// takeBack removes the batch's points of a version that nobody wants any more,
// and returns errSuperseded. Whoever deleted or replaced the document emptied
// the index, but perhaps before the points came: nobody waits for a batch of
// the janitor's, or for that of a worker that was cut off and is back. Search
// would see them, as no row is left that says it must not.
func (a *Ingestion) takeBack(ctx context.Context, in *temporal.EmbedBatchInput) error {
	document, err := a.Documents.Document(ctx, in.ClientID, in.DocumentID)
	if err == nil && indexed(document, in.Version) {
		return errSuperseded // its rows are damaged, and the points may be all there is
	}
	if err != nil && !errors.Is(err, chatconnect.ErrNotFound) {
		return err
	}
	generations, err := a.Index.Generations(ctx)
	if err != nil {
		return err
	}
	for _, generation := range generations.All() {
		err := a.Index.Remove(ctx, in.ClientID, generation, in.Revision(), in.From, in.To)
		if err != nil && !errors.Is(err, chatconnect.ErrGenerationGone) {
			return err
		}
	}
	return errSuperseded
}

// embedAndStore stores the chunks in every generation of the index. One that
// was removed meanwhile needs them no more; the second attempt sees which there
// are.
func (a *Ingestion) embedAndStore(ctx context.Context, in *temporal.EmbedBatchInput, chunks []chatconnect.Chunk) error {
	for attempt := 0; ; attempt++ {
		generations, err := a.Index.Generations(ctx)
		if err != nil {
			return err
		}
		for _, generation := range generations.All() {
			embed := embedFor
			if generations.Next != nil && generation == *generations.Next {
				embed = embedStrictly
			}
			if err = a.storeIn(ctx, in, generation, embed, chunks); err != nil {
				break
			}
		}
		if err == nil || attempt > 0 || !errors.Is(err, chatconnect.ErrGenerationGone) {
			return err
		}
	}
}

type embedding func(context.Context, chatconnect.Embedders, chatconnect.ClientID, chatconnect.Generation, []string) (chatconnect.Embedding, error)

func (a *Ingestion) storeIn(ctx context.Context, in *temporal.EmbedBatchInput, generation chatconnect.Generation, embed embedding, chunks []chatconnect.Chunk) error {
	texts := make([]string, len(chunks))
	for i, chunk := range chunks {
		texts[i] = embeddedText(chunk)
	}
	embedded, err := embed(ctx, a.Embedders, in.ClientID, generation, texts)
	if err != nil {
		return notTheDocumentsFault(err)
	}
	a.countEmbedding(ctx, in, embedded.Spent(generation.Model))
	points := make([]chatconnect.IndexedChunk, len(chunks))
	for i, chunk := range chunks {
		points[i] = chatconnect.IndexedChunk{Chunk: chunk, DocumentName: in.Name, Vector: embedded.Vectors[i]}
	}
	return a.Index.Upsert(ctx, in.ClientID, generation, points)
}

// noteTimeout bounds a write for which a document is not failed.
const noteTimeout = 5 * time.Second

// countEmbedding counts what the provider was paid, at once: whatever becomes
// of this attempt, the next one finds the vectors in the cache, for nothing.
func (a *Ingestion) countEmbedding(ctx context.Context, in *temporal.EmbedBatchInput, spent chatconnect.Completion) {
	if spent.Usage.InputTokens == 0 {
		return
	}
	a.Metrics.Embedded(spent)
	noting, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	if err := a.Documents.AddEmbeddingUsage(noting, in.ClientID, in.Revision(), spent); err != nil {
		a.Logger.WarnContext(ctx, "tokens of an embedding not counted", "document_id", in.DocumentID, "tokens", spent.Usage.InputTokens, "error", err)
	}
}

// embeddedText is the chunk under its headings, which often say what the text
// alone does not.
func embeddedText(chunk chatconnect.Chunk) string {
	if chunk.Section == "" {
		return chunk.Content
	}
	return chunk.Section + "\n\n" + chunk.Content
}

// notTheDocumentsFault makes errors that an operator can mend, such as a wrong
// API key, ones to be waited out: no document fails for them.
func notTheDocumentsFault(err error) error {
	e := chatconnect.AsError(err)
	switch e.Code {
	case "model_credentials_invalid", "model_not_found":
		waiting := *e
		waiting.Kind = chatconnect.KindUnavailable
		return &waiting
	default:
		return err
	}
}
