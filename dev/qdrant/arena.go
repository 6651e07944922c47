package qdrant

// group holds the points of one tenant, with their vectors side by side.
type group struct {
	key      string
	points   []*point
	arenas   []arena    // by denseSpace
	inverted []inverted // by sparseSpace
}

// arena holds vectors of one length without gaps: vector i is
// data[i*size:(i+1)*size]. A scan over a tenant's vectors is one run through
// memory, several times faster than following pointers.
type arena struct {
	data   []float32
	points []*point // whose vector it is
}

func newGroup(key string, dense, sparse int) *group {
	g := &group{key: key, arenas: make([]arena, dense), inverted: make([]inverted, sparse)}
	for i := range g.inverted {
		g.inverted[i].postings = map[uint32][]posting{}
	}
	return g
}

func (g *group) add(p newPoint) {
	p.group = g
	p.ord = len(g.points)
	g.points = append(g.points, p.point)
	p.slots = make([]int, len(g.arenas))
	for i := range g.arenas {
		p.slots[i] = -1
		if v := p.vectors[i]; v != nil {
			a := &g.arenas[i]
			p.slots[i] = len(a.points)
			a.points = append(a.points, p.point)
			a.data = append(a.data, v...)
		}
	}
	for i := range g.inverted {
		if v := p.sparse[i]; v != nil {
			g.inverted[i].add(p.point, v)
		}
	}
}

// remove takes a point out. The last one moves into its place, so that no gap
// is left to scan over.
func (g *group) remove(p *point) {
	p.dead = true
	last := len(g.points) - 1
	g.points[p.ord] = g.points[last]
	g.points[p.ord].ord = p.ord
	g.points[last] = nil
	g.points = g.points[:last]
	for i := range g.arenas {
		if slot := p.slots[i]; slot >= 0 {
			g.arenas[i].remove(i, slot)
		}
	}
	for i := range g.inverted {
		if v := p.sparse[i]; v != nil {
			g.inverted[i].remove(v)
		}
	}
}

func (a *arena) remove(space, slot int) {
	last := len(a.points) - 1
	size := len(a.data) / len(a.points)
	if slot != last {
		copy(a.at(slot, size), a.at(last, size))
		a.points[slot] = a.points[last]
		a.points[slot].slots[space] = slot
	}
	a.points[last] = nil
	a.points = a.points[:last]
	a.data = a.data[:last*size]
}

func (a *arena) at(slot, size int) []float32 {
	return a.data[slot*size : (slot+1)*size : (slot+1)*size]
}

// dense returns a point's vector in a space, nil if it has none. It is part of
// the arena: valid under the lock only.
func (p *point) dense(space int) []float32 {
	slot := p.slots[space]
	if slot < 0 {
		return nil
	}
	a := &p.group.arenas[space]
	return a.at(slot, len(a.data)/len(a.points))
}
