package llm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/llms/openai"
)

// embedBatch is how many texts go into one request: 256 texts of 500 tokens
// stay well under OpenAI's 300,000 tokens and 2,048 texts.
const embedBatch = 256

// CodeDimensionsMismatch says that a provider's vectors are not as long as
// set up: the index would refuse them.
const CodeDimensionsMismatch = "embedding_dimensions_mismatch"

// nativeDimensions are the lengths of OpenAI's vectors if none is asked for.
var nativeDimensions = map[string]int{
	"text-embedding-3-large": 3072,
	"text-embedding-3-small": 1536,
	"text-embedding-ada-002": 1536,
}

type openaiEmbedder struct {
	prices     Prices
	model      string
	dimensions int
	embedder   *embeddings.EmbedderImpl
}

// newOpenAIEmbedder returns an embedder behind the embeddings API. dimensions
// 0 means the model's own length, and is not sent then; a model unknown here
// needs it.
func newOpenAIEmbedder(key, baseURL, model string, dimensions int, prices Prices, doer *Doer) (*openaiEmbedder, error) {
	options := []openai.Option{openai.WithModel(""), openai.WithEmbeddingModel(model)}
	if dimensions < 0 {
		return nil, errors.New("EMBEDDING_DIMENSIONS must not be negative")
	}
	if dimensions > 0 {
		options = append(options, openai.WithEmbeddingDimensions(dimensions))
	} else if dimensions = nativeDimensions[model]; dimensions == 0 {
		return nil, fmt.Errorf("set EMBEDDING_DIMENSIONS: the length of the vectors of %q is not known", model)
	}
	client, err := newOpenAIClient(key, baseURL, doer, options...)
	if err != nil {
		return nil, err
	}
	embedder, err := embeddings.NewEmbedder(client,
		embeddings.WithStripNewLines(false), // it would overwrite the caller's texts
		embeddings.WithBatchSize(embedBatch))
	if err != nil {
		return nil, fmt.Errorf("openai embedder: %w", err)
	}
	return &openaiEmbedder{model: model, dimensions: dimensions, prices: prices, embedder: embedder}, nil
}

// Model implements chatconnect.Embedder.
func (e *openaiEmbedder) Model() string { return e.model }

// Dimensions implements chatconnect.Embedder.
func (e *openaiEmbedder) Dimensions() int { return e.dimensions }

// Embed implements chatconnect.Embedder.
func (e *openaiEmbedder) Embed(ctx context.Context, _ chatconnect.ClientID, texts []string) (chatconnect.Embedding, error) {
	if len(texts) == 0 {
		return chatconnect.Embedding{Vectors: [][]float32{}}, nil
	}
	inputs := make([]string, len(texts))
	for i, text := range texts {
		inputs[i] = text
		if strings.TrimSpace(text) == "" {
			inputs[i] = "-" // the API refuses the whole batch for an empty text
		}
	}
	record := &call{}
	vectors, err := e.embedder.EmbedDocuments(withCall(ctx, record), inputs)
	if ended := ctx.Err(); ended != nil {
		return chatconnect.Embedding{}, ended
	}
	if failed := record.failure(); failed != nil {
		return chatconnect.Embedding{}, fmt.Errorf("embedding with %s: %w", e.model, failed)
	}
	if err == nil && len(vectors) != len(texts) {
		err = fmt.Errorf("%d vectors for %d texts", len(vectors), len(texts))
	}
	if err != nil {
		return chatconnect.Embedding{}, unavailable(fmt.Errorf("embedding with %s: %w", e.model, opaque(err)))
	}
	for i, v := range vectors {
		if len(v) != e.dimensions {
			return chatconnect.Embedding{}, chatconnect.Errorf(chatconnect.KindInternal, CodeDimensionsMismatch,
				"The embedding model is not set up correctly. Please tell the owner of this site.").
				Because(fmt.Errorf("%s returned vector %d with %d dimensions, expected %d", e.model, i, len(v), e.dimensions))
		}
		if !normalise(v) {
			return chatconnect.Embedding{}, unavailable(fmt.Errorf("%s returned vector %d without a length", e.model, i))
		}
	}
	tokens := record.tokens()
	cost := e.prices.of(e.model).of(metered{Usage: chatconnect.Usage{InputTokens: tokens}})
	return chatconnect.Embedding{Vectors: vectors, Tokens: tokens, Paid: tokens, Cost: cost}, nil
}

// normalise scales v to unit length and reports whether it has one.
func normalise(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	norm := math.Sqrt(sum)
	if norm == 0 || math.IsNaN(norm) || math.IsInf(norm, 0) {
		return false
	}
	for i, x := range v {
		v[i] = float32(float64(x) / norm)
	}
	return true
}
