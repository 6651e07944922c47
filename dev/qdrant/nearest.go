package qdrant

import (
	"cmp"
	"container/heap"
	"slices"

	pb "github.com/qdrant/go-client/qdrant"
)

// hit is a point with its score.
type hit struct {
	*point
	score float32
}

// better orders hits: higher score first, then lower id, so that the same
// query has the same answer. (The real server leaves ties open.)
func better(a, b hit) int {
	return cmp.Or(cmp.Compare(b.score, a.score), compareIDs(a.id, b.id))
}

// top keeps the best of the accepted hits it is offered; the heap's root is the
// worst. Whether a point is accepted is asked last, of the few that would get
// in: reading a payload costs more than multiplying two vectors.
type top struct {
	hits      []hit
	limit     int
	threshold *float32
	accept    predicate
}

func (t *top) Len() int           { return len(t.hits) }
func (t *top) Less(i, j int) bool { return better(t.hits[i], t.hits[j]) > 0 }
func (t *top) Swap(i, j int)      { t.hits[i], t.hits[j] = t.hits[j], t.hits[i] }
func (t *top) Push(x any)         { t.hits = append(t.hits, x.(hit)) }
func (t *top) Pop() any {
	last := t.hits[len(t.hits)-1]
	t.hits = t.hits[:len(t.hits)-1]
	return last
}

func (t *top) offer(p *point, score float32) {
	if t.threshold != nil && score <= *t.threshold {
		return
	}
	h := hit{p, score}
	full := len(t.hits) == t.limit
	if full && better(h, t.hits[0]) >= 0 || !t.accept.matches(p) {
		return
	}
	if full {
		t.hits[0] = h
		heap.Fix(t, 0)
	} else {
		heap.Push(t, h)
	}
}

func (t *top) sorted() []hit {
	slices.SortFunc(t.hits, better)
	return t.hits
}

// nearest scores points against a vector: all that the filter accepts or, with
// prefetches, those that a prefetch found.
func (c *collection) nearest(q stage, input *pb.VectorInput, sources [][]hit) ([]hit, error) {
	accept, err := c.compileFilter(q.filter)
	if err != nil {
		return nil, err
	}
	using := ""
	if q.using != nil {
		using = *q.using
	}
	s, err := c.scorer(using, input)
	if err != nil {
		return nil, err
	}
	best := &top{limit: q.limit, threshold: q.threshold, accept: accept}
	if len(q.prefetch) > 0 {
		seen := map[*point]bool{}
		for _, source := range sources {
			for _, h := range source {
				if seen[h.point] {
					continue
				}
				seen[h.point] = true
				if score, ok := s.one(h.point); ok {
					best.offer(h.point, score)
				}
			}
		}
		return best.sorted(), nil
	}
	pl := c.plan(q.filter)
	if pl.usesSet() {
		pl.each(func(p *point) {
			if score, ok := s.one(p); ok {
				best.offer(p, score)
			}
		})
		return best.sorted(), nil
	}
	for _, g := range pl.groups {
		s.group(g, best.offer)
	}
	return best.sorted(), nil
}

// scorer scores points against one query vector.
type scorer struct {
	// one scores a point; false if it has no such vector, or none of the
	// query's dimensions.
	one func(*point) (float32, bool)
	// group scores the points of a group.
	group func(*group, func(*point, float32))
}

func (c *collection) scorer(using string, input *pb.VectorInput) (scorer, error) {
	switch o := input.GetVariant().(type) {
	case *pb.VectorInput_Dense:
		return c.denseScorer(using, o.Dense.GetData())
	case *pb.VectorInput_Sparse:
		return c.sparseScorer(using, o.Sparse)
	case *pb.VectorInput_Id:
		return scorer{}, errUnsupported("queries by point id")
	case *pb.VectorInput_MultiDense:
		return scorer{}, errUnsupported("multi-vectors")
	case *pb.VectorInput_Document, *pb.VectorInput_Image, *pb.VectorInput_Object:
		return scorer{}, errUnsupported("inference")
	}
	return scorer{}, errMalformed("VectorInput variant is missing")
}

func (c *collection) denseScorer(using string, data []float32) (scorer, error) {
	i := c.denseIndex(using)
	if i < 0 {
		return scorer{}, errVectorName(using)
	}
	vector, err := c.dense[i].parse(data)
	if err != nil {
		return scorer{}, err
	}
	return scorer{
		one: func(p *point) (float32, bool) {
			v := p.dense(i)
			return dot(v, vector), v != nil
		},
		group: func(g *group, found func(*point, float32)) {
			a := &g.arenas[i]
			for slot, p := range a.points {
				found(p, dot(a.at(slot, len(vector)), vector))
			}
		},
	}, nil
}

func (c *collection) sparseScorer(using string, v *pb.SparseVector) (scorer, error) {
	i := c.sparseIndex(using)
	if i < 0 {
		return scorer{}, errVectorName(using)
	}
	parsed, err := parseSparse(v.GetIndices(), v.GetValues())
	if err != nil {
		return scorer{}, err
	}
	vector := c.weighted(i, parsed)
	return scorer{
		one: func(p *point) (float32, bool) {
			if p.sparse[i] == nil {
				return 0, false
			}
			return dotSparse(p.sparse[i], vector)
		},
		group: func(g *group, found func(*point, float32)) { g.searchSparse(i, vector, found) },
	}, nil
}
