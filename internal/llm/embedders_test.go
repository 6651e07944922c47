package llm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// TestEmbeddersMakeAnyModel asks for the models of two generations with one
// set of settings.
func TestEmbeddersMakeAnyModel(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{})
	var wrapped []string
	embedders := NewEmbedders(Options{
		OpenAIKey: "sk-test", OpenAIBaseURL: f.url, EmbeddingModel: "new", EmbeddingDimensions: 64,
	}, func(e chatconnect.Embedder) chatconnect.Embedder { wrapped = append(wrapped, e.Model()); return e })
	for _, test := range []struct {
		model      string
		dimensions int
		sent       bool // the dimensions are asked for
	}{
		{"new", 64, true},
		{"old", 32, true},
		{"text-embedding-3-small", 1536, false}, // its own length, which some models refuse to be told
		{"text-embedding-3-small", 256, true},
		{LocalEmbedModel, LocalEmbedDimensions, false},
	} {
		e, err := embedders.Embedder(test.model, test.dimensions)
		require.NoError(t, err)
		again, err := embedders.Embedder(test.model, test.dimensions)
		require.NoError(t, err)
		require.Equal(t, e, again, "made once")
		before := len(f.Requests())
		embedding, err := e.Embed(timeout(t), "c", []string{"tea"})
		require.NoError(t, err)
		require.Len(t, embedding.Vectors[0], test.dimensions)
		if test.model == LocalEmbedModel {
			require.Len(t, f.Requests(), before)
			continue
		}
		var body struct {
			Model      string
			Dimensions *int
		}
		require.NoError(t, json.Unmarshal(f.Requests()[before].Body, &body))
		require.Equal(t, test.model, body.Model)
		require.Equal(t, test.sent, body.Dimensions != nil, test.model)
	}
	require.Equal(t, []string{"new", "old", "text-embedding-3-small", "text-embedding-3-small"}, wrapped, "the built-in one needs no cache")
}

func TestEmbeddersWithoutAProvider(t *testing.T) {
	t.Parallel()
	embedders := NewEmbedders(Options{}, nil)
	_, err := embedders.Embedder("text-embedding-3-small", 1536)
	require.ErrorIs(t, err, chatconnect.ErrNoEmbedder)
	e, err := embedders.Embedder(LocalEmbedModel, LocalEmbedDimensions)
	require.NoError(t, err)
	require.Equal(t, LocalEmbedModel, e.Model())
}
