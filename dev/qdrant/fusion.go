package qdrant

import (
	"slices"
)

// defaultRRFK is the real server's constant of reciprocal rank fusion; in the
// paper (Cormack, Clarke and Büttcher, SIGIR 2009) it is 60.
const defaultRRFK = 2

// fuse merges the prefetches by reciprocal rank: a point's score is the sum of
// 1/(k + position) over the sources that found it, positions counted from 0.
func fuse(q stage, sources [][]hit, k int) ([]hit, error) {
	if len(sources) == 0 {
		return nil, errBadRequest("cannot apply Fusion without prefetches")
	}
	if q.using != nil && *q.using != "" {
		return nil, errBadRequest("Fusion queries cannot be combined with the 'using' field.")
	}
	scores := map[*point]float32{}
	for _, source := range sources {
		for position, h := range source {
			scores[h.point] += 1 / float32(position+k)
		}
	}
	fused := make([]hit, 0, len(scores))
	for p, score := range scores {
		if q.threshold == nil || score >= *q.threshold {
			fused = append(fused, hit{p, score})
		}
	}
	slices.SortFunc(fused, better)
	return fused[:min(q.limit, len(fused))], nil
}
