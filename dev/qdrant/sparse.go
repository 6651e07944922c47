package qdrant

import (
	"cmp"
	"math"
	"slices"

	pb "github.com/qdrant/go-client/qdrant"
)

// sparseVector has distinct indices in ascending order.
type sparseVector struct {
	indices []uint32
	values  []float32
}

func parseSparse(indices []uint32, values []float32) (*sparseVector, error) {
	if len(indices) != len(values) {
		return nil, errValidation("[values: must be the same length as indices]")
	}
	order := make([]int, len(indices))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(indices[a], indices[b]) })
	v := &sparseVector{indices: make([]uint32, len(indices)), values: make([]float32, len(values))}
	for to, from := range order {
		v.indices[to], v.values[to] = indices[from], values[from]
		if to > 0 && v.indices[to] == v.indices[to-1] {
			return nil, errValidation("[indices: must be unique]")
		}
	}
	return v, checkFinite(v.values)
}

// weighted returns the query's vector as it is scored: with the IDF modifier
// each weight is multiplied by ln((N-df+0.5)/(df+0.5)+1), N being the points
// of the whole collection, not of the tenant.
func (c *collection) weighted(space int, v *sparseVector) *sparseVector {
	s := c.sparse[space]
	if !s.idf {
		return v
	}
	scaled := &sparseVector{indices: v.indices, values: make([]float32, len(v.values))}
	for i, dimension := range v.indices {
		scaled.values[i] = v.values[i] * inverseDocumentFrequency(len(c.points), s.df[dimension])
	}
	return scaled
}

func inverseDocumentFrequency(n, df int) float32 {
	return float32(math.Log((float64(n)-float64(df)+0.5)/(float64(df)+0.5) + 1))
}

// dotSparse is the product of two vectors; overlap is false if they share no
// dimension: such a point is not a result at all.
func dotSparse(a, b *sparseVector) (score float32, overlap bool) {
	for i, j := 0, 0; i < len(a.indices) && j < len(b.indices); {
		switch cmp.Compare(a.indices[i], b.indices[j]) {
		case -1:
			i++
		case 1:
			j++
		default:
			score += a.values[i] * b.values[j]
			overlap = true
			i++
			j++
		}
	}
	return score, overlap
}

// posting says that a point has a dimension, with a weight.
type posting struct {
	point  *point
	weight float32
}

// inverted finds the points of a group by dimension. Removed points stay in
// it, marked dead, until they are more than the living.
type inverted struct {
	postings   map[uint32][]posting
	live, dead int
}

func (x *inverted) add(p *point, v *sparseVector) {
	for i, dimension := range v.indices {
		x.postings[dimension] = append(x.postings[dimension], posting{p, v.values[i]})
	}
	x.live += len(v.indices)
}

func (x *inverted) remove(v *sparseVector) {
	x.live -= len(v.indices)
	x.dead += len(v.indices)
	if x.dead > x.live+1024 {
		x.sweep()
	}
}

func (x *inverted) sweep() {
	for dimension, list := range x.postings {
		list = slices.DeleteFunc(list, func(p posting) bool { return p.point.dead })
		if len(list) == 0 {
			delete(x.postings, dimension)
		} else {
			x.postings[dimension] = list
		}
	}
	x.dead = 0
}

// search calls found with every living point that shares a dimension with v.
func (g *group) searchSparse(space int, v *sparseVector, found func(*point, float32)) {
	scores := make([]float32, len(g.points))
	seen := make([]bool, len(g.points))
	var hits []*point
	for i, dimension := range v.indices {
		for _, posting := range g.inverted[space].postings[dimension] {
			p := posting.point
			if p.dead {
				continue
			}
			if !seen[p.ord] {
				seen[p.ord] = true
				hits = append(hits, p)
			}
			scores[p.ord] += posting.weight * v.values[i]
		}
	}
	for _, p := range hits {
		found(p, scores[p.ord])
	}
}

func (v *sparseVector) proto() *pb.VectorOutput {
	return &pb.VectorOutput{Vector: &pb.VectorOutput_Sparse{Sparse: &pb.SparseVector{Indices: v.indices, Values: v.values}}}
}
