package activities

import (
	"context"
	"errors"

	chatconnect "github.com/chatconnect/chatconnect"
)

// embedFor embeds texts with the model of a generation. If that model is not
// set up here any more (its API key was taken away, say), the vectors are nil:
// such a generation is searched and filled by words alone, until a reindex has
// replaced it.
func embedFor(ctx context.Context, embedders chatconnect.Embedders, client chatconnect.ClientID, generation chatconnect.Generation, texts []string) (chatconnect.Embedding, error) {
	byWords := chatconnect.Embedding{Vectors: make([][]float32, len(texts))}
	embedder, err := embedders.Embedder(generation.Model, generation.Dimensions)
	if errors.Is(err, chatconnect.ErrNoEmbedder) {
		return byWords, nil
	}
	if err != nil {
		return chatconnect.Embedding{}, err
	}
	return embedder.Embed(ctx, client, texts)
}

// vectorOf embeds a question. A provider that no longer knows the model is no
// reason to answer nothing. With the vector comes what the provider was paid.
func vectorOf(ctx context.Context, embedders chatconnect.Embedders, client chatconnect.ClientID, generation chatconnect.Generation, question string) ([]float32, chatconnect.Completion, error) {
	embedding, err := embedFor(ctx, embedders, client, generation, []string{question})
	if err != nil {
		if chatconnect.AsError(err).Code == "model_not_found" {
			return nil, chatconnect.Completion{}, nil
		}
		return nil, chatconnect.Completion{}, err
	}
	return embedding.Vectors[0], embedding.Spent(generation.Model), nil
}

// embedStrictly is embedFor for a generation that is being built: without its
// model there is nothing to be done but to wait for a worker that has it.
func embedStrictly(ctx context.Context, embedders chatconnect.Embedders, client chatconnect.ClientID, generation chatconnect.Generation, texts []string) (chatconnect.Embedding, error) {
	embedder, err := embedders.Embedder(generation.Model, generation.Dimensions)
	if err != nil {
		return chatconnect.Embedding{}, err
	}
	embedding, err := embedder.Embed(ctx, client, texts)
	return embedding, notTheDocumentsFault(err)
}
