package vector

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func weight(t require.TestingT, v sparse, term string) float64 {
	i, ok := slices.BinarySearch(v.indices, termID(term))
	require.True(t, ok, "%q is not in the vector", term)
	return float64(v.values[i])
}

func TestDocumentWeights(t *testing.T) {
	t.Parallel()
	// Three terms, "parcel" twice: tf*2.2 / (tf + 1.2*(0.25 + 0.75*3/256)).
	v := encodeDocument("parcel, parcel; lost")
	require.Len(t, v.indices, 2)
	norm := 1.2 * (0.25 + 0.75*3.0/256)
	require.InDelta(t, 2*2.2/(2+norm), weight(t, v, "parcel"), 1e-6)
	require.InDelta(t, 1*2.2/(1+norm), weight(t, v, "lost"), 1e-6)

	// At the average length the length plays no part.
	average := encodeDocument("parcel " + strings.Repeat("filler ", averageLength-1))
	require.InDelta(t, 2.2/(1+1.2), weight(t, average, "parcel"), 1e-6)
	// The longer the text, the less a term in it says.
	long := encodeDocument("parcel " + strings.Repeat("filler ", 4*averageLength))
	require.Less(t, weight(t, long, "parcel"), weight(t, average, "parcel"))
}

func TestQueryWeights(t *testing.T) {
	t.Parallel()
	v := encodeQuery("Where is my parcel? Parcel, parcel! Lost?")
	require.Len(t, v.indices, 2)
	require.Equal(t, []float32{1, 1}, v.values)
	require.Empty(t, encodeQuery("what is the …?").indices)
}

func TestEncodingIsAValidSparseVector(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		document, query := encodeDocument(text), encodeQuery(text)
		require.Equal(rt, document.indices, query.indices, "a text matches itself")
		for i := 1; i < len(document.indices); i++ {
			require.Less(rt, document.indices[i-1], document.indices[i])
		}
		require.Len(rt, document.values, len(document.indices))
		for _, value := range document.values {
			require.Positive(rt, value)
			require.Less(rt, value, float32(k1+1), "tf saturates")
		}
	})
}
