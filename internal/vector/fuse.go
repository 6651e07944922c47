package vector

import (
	"cmp"
	"slices"

	"github.com/qdrant/go-client/qdrant"
)

// rrfK is the constant of reciprocal rank fusion. Qdrant's own fusion uses 2,
// and so do we: a passage that leads both rankings scores 1/2 + 1/2 = 1, so
// scores lie in (0, 1].
const rrfK = 2

// hit is a candidate with all its scores.
type hit struct {
	id         string
	payload    map[string]*qdrant.Value
	score      float64 // fused
	similarity float64 // cosine
	lexical    float64 // BM25; 0 if not among the lexical candidates
}

// fuse merges the two rankings by reciprocal rank fusion (Cormack, Clarke and
// Büttcher, SIGIR 2009): score = Σ 1/(rrfK + position), positions from 0.
// rescored holds the cosine of lexical hits. Equal scores are ordered by
// cosine, then BM25, then id, so that the same search gives the same answer.
func fuse(dense, lexical, rescored []*qdrant.ScoredPoint) []hit {
	hits := make(map[string]*hit, len(dense)+len(lexical))
	at := func(p *qdrant.ScoredPoint) *hit {
		id := p.GetId().GetUuid()
		h, ok := hits[id]
		if !ok {
			h = &hit{id: id, payload: p.GetPayload()}
			hits[id] = h
		}
		return h
	}
	for position, p := range dense {
		h := at(p)
		h.score += 1 / float64(rrfK+position)
		h.similarity = float64(p.GetScore())
	}
	for position, p := range lexical {
		h := at(p)
		h.score += 1 / float64(rrfK+position)
		h.lexical = float64(p.GetScore())
	}
	for _, p := range rescored {
		if h, ok := hits[p.GetId().GetUuid()]; ok {
			h.similarity = float64(p.GetScore())
		}
	}
	sorted := make([]hit, 0, len(hits))
	for _, h := range hits {
		sorted = append(sorted, *h)
	}
	slices.SortFunc(sorted, func(a, b hit) int {
		return cmp.Or(
			cmp.Compare(b.score, a.score),
			cmp.Compare(b.similarity, a.similarity),
			cmp.Compare(b.lexical, a.lexical),
			cmp.Compare(a.id, b.id),
		)
	})
	return sorted
}
