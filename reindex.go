package chatconnect

import "context"

// Generation is one build of the search index: a collection, and the embedding
// model whose vectors it holds.
type Generation struct {
	Collection string `json:"collection"`
	Model      string `json:"model"`
	Dimensions int    `json:"dimensions"`
}

// HasModel reports whether the generation holds vectors of that model.
func (g Generation) HasModel(model string, dimensions int) bool {
	return g.Model == model && g.Dimensions == dimensions
}

// Generations are the builds of the index that exist at a moment. Searches use
// Active alone; what is written, deleted or counted is so in all of them, so
// that any can take over from another.
type Generations struct {
	Active   Generation
	Next     *Generation // being built by a reindex
	Previous *Generation // replaced a moment ago; a search may still use it
}

// All lists them, the active one first.
func (g Generations) All() []Generation {
	all := []Generation{g.Active}
	if g.Next != nil {
		all = append(all, *g.Next)
	}
	if g.Previous != nil {
		all = append(all, *g.Previous)
	}
	return all
}

// IndexBuilder makes, switches and removes generations. Each step may be
// repeated, and all processes learn of it within GenerationsAge.
type IndexBuilder interface {
	// StartNext creates the generation to be built, named by suffix, and makes
	// it known. One of the same model that is being built already is returned as
	// it is; of another model, it is removed first.
	StartNext(ctx context.Context, model string, dimensions int, suffix string) (Generation, error)
	// SwitchToNext makes next the active generation, and the active one the
	// previous, in one step. ErrGenerationGone if next is neither being built
	// nor active.
	SwitchToNext(ctx context.Context, next Generation) error
	// DropNext removes the generation being built, if it is this one.
	DropNext(ctx context.Context, next Generation) error
	// DropUnknown removes what a StartNext of the same arguments that was cut off
	// left: a collection that is no generation yet.
	DropUnknown(ctx context.Context, model string, dimensions int, suffix string) error
	// DropPrevious removes the generation that was replaced, if there is one.
	DropPrevious(ctx context.Context) error
	// RefreshGenerations returns what there is now, not what was seen lately.
	RefreshGenerations(ctx context.Context) (Generations, error)
}

// ErrGenerationGone is a generation that has been removed since the caller
// learned of it: ask for the present ones and try again.
var ErrGenerationGone = Errorf(KindUnavailable, "vector_generation_gone", "The search index is being switched. Please try again.")

// Embedders gives the embedder for any generation.
type Embedders interface {
	// Embedder returns ErrNoEmbedder if the settings name no provider for the
	// model.
	Embedder(model string, dimensions int) (Embedder, error)
}

// ErrNoEmbedder is a model that this process can't reach.
var ErrNoEmbedder = Errorf(KindUnavailable, "model_no_embedder", "The embedding model of the search index is not set up.")

// ActiveRevision is a revision that search sees, and how many chunks it has.
type ActiveRevision struct {
	ClientID ClientID `json:"clientId"`
	Revision
	Chunks int `json:"chunks"`
}

// RevisionStore lists what an index must hold, over all clients.
type RevisionStore interface {
	// ActiveRevisions lists at most limit revisions after the given document,
	// ordered by client and document; the zero values begin.
	ActiveRevisions(ctx context.Context, afterClient ClientID, afterDocument DocumentID, limit int) ([]ActiveRevision, error)
	// ActiveTotals counts them and their chunks.
	ActiveTotals(ctx context.Context) (documents, chunks int, err error)
}
