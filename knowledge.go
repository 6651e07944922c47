package chatconnect

import (
	"context"
	"time"
)

// Embedding is a batch of dense vectors, one for each text, and what they
// cost. Vectors have the embedder's Dimensions and unit length.
type Embedding struct {
	Vectors [][]float32
	Tokens  int      // of all texts, whether or not their vectors were cached
	Paid    int      // of those that the provider was asked for
	Cost    MicroUSD // of Paid; 0 if the model's price isn't known
}

// Spent is what the provider was paid, as usage counts it: nothing for vectors
// that were all cached.
func (e Embedding) Spent(model string) Completion {
	return Completion{Model: model, Usage: Usage{InputTokens: e.Paid}, Cost: e.Cost}
}

// Embedder turns texts into dense vectors.
type Embedder interface {
	// Model names the model and Dimensions the length of its vectors; together
	// they name the collection that holds them.
	Model() string
	Dimensions() int
	// Embed embeds a client's texts in order; "" stands for the operator. Errors of a provider that may pass are
	// KindRateLimited (with RetryAfter if given) or KindUnavailable.
	Embed(ctx context.Context, client ClientID, texts []string) (Embedding, error)
}

// SearchQuery asks for the passages that fit a question best.
type SearchQuery struct {
	Text string // for BM25
	// Vector is for dense similarity, by the generation's model. Without one the
	// search is by words alone.
	Vector     []float32
	Generation Generation // to be searched
	Limit      int
	// Inactive lists revisions that exist in the index but must not be seen:
	// versions still being ingested, replaced or failed.
	Inactive []Revision
}

// Revision is one version of one document.
type Revision struct {
	DocumentID DocumentID `json:"documentId"`
	Version    int        `json:"version"`
}

// IndexedChunk is a chunk with its vector, ready for the index. Without one it
// can be found by its words alone.
type IndexedChunk struct {
	Chunk        Chunk
	DocumentName string
	Vector       []float32
}

// VectorIndex is the search index. Every method that reads or writes points
// takes the client first and none can be called without one; that is what
// keeps tenants apart.
type VectorIndex interface {
	// Generations returns the builds of the index as they were at most
	// GenerationsAge ago.
	Generations(ctx context.Context) (Generations, error)
	// Upsert stores chunks in one generation under ids derived from (client,
	// document, version, index): repeating it changes nothing. ErrGenerationGone
	// if it has been removed.
	Upsert(ctx context.Context, client ClientID, generation Generation, chunks []IndexedChunk) error
	// Missing lists which of a revision's chunks with from <= index < to a
	// generation does not hold.
	Missing(ctx context.Context, client ClientID, generation Generation, revision Revision, from, to int) ([]int, error)
	// Remove removes the points of those chunks from one generation.
	Remove(ctx context.Context, client ClientID, generation Generation, revision Revision, from, to int) error
	// Search fuses dense and BM25 ranks (RRF), best first.
	Search(ctx context.Context, client ClientID, query SearchQuery) ([]Passage, error)
	// CountIn counts the points of a revision in one generation, Count in the
	// one that has the fewest.
	CountIn(ctx context.Context, client ClientID, generation Generation, revision Revision) (int, error)
	Count(ctx context.Context, client ClientID, revision Revision) (int, error)
	// CountDocument counts the points of every revision, CountClient all, in all
	// generations together.
	CountDocument(ctx context.Context, client ClientID, document DocumentID) (int, error)
	CountClient(ctx context.Context, client ClientID) (int, error)
	// DeleteRevision removes the points of one revision from all generations,
	// DeleteDocument of all revisions.
	DeleteRevision(ctx context.Context, client ClientID, revision Revision) error
	DeleteDocument(ctx context.Context, client ClientID, document DocumentID) error
	// DeleteClient removes every point of the client.
	DeleteClient(ctx context.Context, client ClientID) error
}

// GenerationsAge bounds how long a process may go on with the generations it
// has seen. A reindex relies on it: this long after a change, everybody knows.
const GenerationsAge = 10 * time.Second
