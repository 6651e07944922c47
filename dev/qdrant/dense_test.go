package qdrant

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDotAndNormalized(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "n") // across the unrolled eight
		draw := func(label string) []float32 {
			return rapid.SliceOfN(rapid.Float32Range(-10, 10), n, n).Draw(rt, label)
		}
		a, b := draw("a"), draw("b")
		want, square := 0.0, 0.0
		for i := range a {
			want += float64(a[i]) * float64(b[i])
			square += float64(a[i]) * float64(a[i])
		}
		require.InDelta(rt, want, dot(a, b), 1e-3)
		unit := normalized(a)
		if square > 1e-6 {
			require.InDelta(rt, 1, dot(unit, unit), 1e-5)
			require.InDelta(rt, float64(a[0])/math.Sqrt(square), unit[0], 1e-5)
		}
		require.Equal(rt, unit, normalized(unit), "bit for bit, or logs would drift")
	})
}
