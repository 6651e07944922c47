package vector

import (
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
)

func scored(id string, score float32) *qdrant.ScoredPoint {
	return &qdrant.ScoredPoint{Id: qdrant.NewIDUUID(id), Score: score}
}

func TestFuse(t *testing.T) {
	t.Parallel()
	hits := fuse(
		[]*qdrant.ScoredPoint{scored("a", 0.9), scored("b", 0.8), scored("c", 0.7)},
		[]*qdrant.ScoredPoint{scored("c", 12), scored("d", 3)},
		[]*qdrant.ScoredPoint{scored("c", 0.7), scored("d", 0.1)},
	)
	require.Len(t, hits, 4)
	for i, want := range []hit{
		{id: "c", score: 1.0/4 + 1.0/2, similarity: 0.7, lexical: 12},
		{id: "a", score: 1.0 / 2, similarity: 0.9},
		{id: "b", score: 1.0 / 3, similarity: 0.8},             // as far ahead in its ranking as d,
		{id: "d", score: 1.0 / 3, similarity: 0.1, lexical: 3}, // but more similar
	} {
		require.Equal(t, want.id, hits[i].id)
		require.InDelta(t, want.score, hits[i].score, 1e-9)
		require.InDelta(t, want.similarity, hits[i].similarity, 1e-6)
		require.InDelta(t, want.lexical, hits[i].lexical, 1e-6)
	}
	require.Empty(t, fuse(nil, nil, nil))
}
