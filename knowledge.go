package chatconnect

import "context"

// Embedding is a batch of dense vectors, one for each text, and what they
// cost. Vectors have the embedder's Dimensions and unit length.
type Embedding struct {
	Vectors [][]float32
	Tokens  int
}

// Embedder turns texts into dense vectors.
type Embedder interface {
	// Model names the model and Dimensions the length of its vectors; together
	// they name the collection that holds them.
	Model() string
	Dimensions() int
	// Embed embeds texts in order. Errors of a provider that may pass are
	// KindRateLimited (with RetryAfter if given) or KindUnavailable.
	Embed(ctx context.Context, texts []string) (Embedding, error)
}

// SearchQuery asks for the passages that fit a question best.
type SearchQuery struct {
	Text   string    // for BM25
	Vector []float32 // for dense similarity
	Limit  int
	// Inactive lists revisions that exist in the index but must not be seen:
	// versions still being ingested, replaced or failed.
	Inactive []Revision
}

// Revision is one version of one document.
type Revision struct {
	DocumentID DocumentID `json:"documentId"`
	Version    int        `json:"version"`
}

// IndexedChunk is a chunk with its vector, ready for the index.
type IndexedChunk struct {
	Chunk        Chunk
	DocumentName string
	Vector       []float32
}

// VectorIndex is the search index. Every method takes the client first and
// none can be called without one; that is what keeps tenants apart.
type VectorIndex interface {
	// Upsert stores chunks under ids derived from (client, document, version,
	// index): repeating it changes nothing.
	Upsert(ctx context.Context, client ClientID, chunks []IndexedChunk) error
	// Search fuses dense and BM25 ranks (RRF), best first.
	Search(ctx context.Context, client ClientID, query SearchQuery) ([]Passage, error)
	// Count counts the points of a revision.
	Count(ctx context.Context, client ClientID, revision Revision) (int, error)
	// CountDocument counts the points of every revision, CountClient all.
	CountDocument(ctx context.Context, client ClientID, document DocumentID) (int, error)
	CountClient(ctx context.Context, client ClientID) (int, error)
	// DeleteRevision removes the points of one revision, DeleteDocument of all.
	DeleteRevision(ctx context.Context, client ClientID, revision Revision) error
	DeleteDocument(ctx context.Context, client ClientID, document DocumentID) error
	// DeleteClient removes every point of the client.
	DeleteClient(ctx context.Context, client ClientID) error
}
