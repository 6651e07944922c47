package llm

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The bound below which the local embedder's vectors say nothing: hardly any
// question about something else comes near it, and every question that the
// passages answer is above it.
func TestUnrelatedTextsAreNotSimilar(t *testing.T) {
	t.Parallel()
	e := NewLocalEmbedder()
	var passages, unrelated, related []string
	for _, p := range shop {
		passages = append(passages, p.Content)
	}
	unrelated = []string{
		"Who discovered penicillin?", "Wie hoch ist der Mount Everest?", "What is the capital of Mongolia?",
		"Explain quantum entanglement", "Quel est le meilleur film de Truffaut ?", "How do I bake sourdough bread?",
		"Wann begann der Dreißigjährige Krieg?", "Best guitar chords for beginners", "¿Quién pintó el Guernica?",
	}
	related = []string{"What is the return period for shoes?", "How long does delivery to Germany take?", "Where is the showroom?"}
	best := func(question string) float64 {
		got, err := e.Embed(t.Context(), "c", append([]string{question}, passages...))
		require.NoError(t, err)
		top := -1.0
		for _, v := range got.Vectors[1:] {
			dot := 0.0
			for i := range v {
				dot += float64(v[i]) * float64(got.Vectors[0][i])
			}
			top = max(top, dot)
		}
		return top
	}
	var far, near []float64
	for _, q := range unrelated {
		far = append(far, best(q))
	}
	for _, q := range related {
		near = append(near, best(q))
	}
	t.Logf("unrelated %.3f, related %.3f", far, near)
	require.Less(t, slices.Max(far), minSimilarityLocal)
	require.Greater(t, slices.Min(near), minSimilarityLocal)
}
