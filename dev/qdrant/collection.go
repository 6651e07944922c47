package qdrant

import (
	"maps"
	"slices"
	"sync"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// collection holds points and everything that finds them.
type collection struct {
	name   string
	config *pb.CreateCollection
	dense  []denseSpace  // by name
	sparse []sparseSpace // by name

	points map[pointID]*point
	groups map[string]*group // by tenant; "" for points without exactly one
	bytes  int64             // size of the points in the log, about

	indexes    map[string]*fieldIndex
	indexOrder []string // as created; the first with is_tenant forms the groups

	ordering   sync.Mutex // order and orderValid, between readers
	order      []*point   // by id
	orderValid bool
}

// denseSpace is a named dense vector. The unnamed one is "".
type denseSpace struct {
	name   string
	size   int
	cosine bool // else dot product
}

// sparseSpace is a named sparse vector. df counts the points in the whole
// collection that have each dimension.
type sparseSpace struct {
	name string
	idf  bool
	df   map[uint32]int
}

// point is one stored point. Its vectors never change; its payload map is
// replaced, never written to, so that answers may refer to it without a lock.
type point struct {
	id      pointID
	payload map[string]*pb.Value
	version uint64
	bytes   int64
	sparse  []*sparseVector // by sparseSpace; nil where it has none

	group *group
	ord   int   // its place in group.points
	slots []int // by denseSpace: its place in the arena, -1 where it has none
	dead  bool  // removed; postings may still refer to it
}

// newPoint is a point on its way into a collection.
type newPoint struct {
	*point
	vectors [][]float32 // by denseSpace; nil where it has none
}

func (c *collection) denseIndex(name string) int {
	return slices.IndexFunc(c.dense, func(s denseSpace) bool { return s.name == name })
}

func (c *collection) sparseIndex(name string) int {
	return slices.IndexFunc(c.sparse, func(s sparseSpace) bool { return s.name == name })
}

// insert puts a point in, in place of the one with its id.
func (c *collection) insert(p newPoint) {
	if old, ok := c.points[p.id]; ok {
		c.remove(old)
	}
	c.points[p.id] = p.point
	c.bytes += p.bytes
	c.orderValid = false
	for i := range c.sparse {
		if v := p.sparse[i]; v != nil {
			for _, dimension := range v.indices {
				c.sparse[i].df[dimension]++
			}
		}
	}
	c.place(p)
	for _, index := range c.indexes {
		index.insert(p.point)
	}
}

// remove takes a point out.
func (c *collection) remove(p *point) {
	delete(c.points, p.id)
	c.bytes -= p.bytes
	c.orderValid = false
	for i := range c.sparse {
		if v := p.sparse[i]; v != nil {
			for _, dimension := range v.indices {
				if c.sparse[i].df[dimension]--; c.sparse[i].df[dimension] == 0 {
					delete(c.sparse[i].df, dimension)
				}
			}
		}
	}
	for _, index := range c.indexes {
		index.remove(p)
	}
	c.displace(p)
}

// place puts a point into the group of its tenant.
func (c *collection) place(p newPoint) {
	key := c.tenantOf(p.payload)
	g, ok := c.groups[key]
	if !ok {
		g = newGroup(key, len(c.dense), len(c.sparse))
		c.groups[key] = g
	}
	g.add(p)
}

func (c *collection) displace(p *point) {
	g := p.group
	g.remove(p)
	if len(g.points) == 0 {
		delete(c.groups, g.key)
	}
}

// setPayload replaces a point's payload. The point is a new one inside, as
// its tenant may be another.
func (c *collection) setPayload(p *point, payload map[string]*pb.Value, version uint64) {
	vectors := make([][]float32, len(c.dense))
	for i := range c.dense {
		vectors[i] = slices.Clone(p.dense(i))
	}
	bytes := p.bytes - payloadBytes(p.payload) + payloadBytes(payload)
	c.insert(newPoint{
		point:   &point{id: p.id, payload: payload, version: version, bytes: bytes, sparse: p.sparse},
		vectors: vectors,
	})
}

func payloadBytes(payload map[string]*pb.Value) int64 {
	return int64(proto.Size(&pb.PointStruct{Payload: payload}))
}

// sorted lists the points by id. The list is kept until a point comes or goes.
func (c *collection) sorted() []*point {
	c.ordering.Lock()
	defer c.ordering.Unlock()
	if !c.orderValid {
		c.order = slices.SortedFunc(maps.Values(c.points), func(a, b *point) int { return compareIDs(a.id, b.id) })
		c.orderValid = true
	}
	return c.order
}

// regroup forms the groups anew, after the tenant index has changed.
func (c *collection) regroup() {
	points := make([]newPoint, 0, len(c.points))
	for _, p := range c.sorted() {
		fresh := newPoint{point: p, vectors: make([][]float32, len(c.dense))}
		for i := range c.dense {
			fresh.vectors[i] = p.dense(i) // of the old arenas, which stay as they are
		}
		points = append(points, fresh)
	}
	c.groups = map[string]*group{}
	for _, p := range points {
		c.place(p)
	}
}
