package qdrant

import (
	pb "github.com/qdrant/go-client/qdrant"
)

// plan is where the points that meet a filter can be found at all, read off
// the conditions that must hold. It may contain more than the filter accepts,
// never less: every point is still tested.
type plan struct {
	groups []*group            // of the tenants asked for, else all
	points map[*point]struct{} // if narrowed: the smallest set an index gives
	narrow bool
}

func (c *collection) plan(f *pb.Filter) plan {
	pl := plan{}
	tenants, restricted := map[string]bool{}, false
	c.eachMust(f, func(field *pb.FieldCondition) {
		index := c.indexes[field.GetKey()]
		values, ok := keywordsOf(field.GetMatch())
		if index == nil || index.values == nil || !ok {
			return
		}
		if index == c.tenantIndex() {
			if restricted {
				return // a second condition on the tenant can only remove
			}
			restricted = true
			for _, v := range values {
				tenants[v] = true
			}
			return
		}
		size := 0
		for _, v := range values {
			size += len(index.values[v])
		}
		if pl.narrow && size >= len(pl.points) {
			return
		}
		pl.narrow = true
		if len(values) == 1 {
			pl.points = index.values[values[0]]
			return
		}
		pl.points = make(map[*point]struct{}, size)
		for _, v := range values {
			for p := range index.values[v] {
				pl.points[p] = struct{}{}
			}
		}
	})
	if !restricted {
		for _, g := range c.groups {
			pl.groups = append(pl.groups, g)
		}
		return pl
	}
	tenants[""] = true // points with several tenants are in the group of the rest
	for tenant := range tenants {
		if g, ok := c.groups[tenant]; ok {
			pl.groups = append(pl.groups, g)
		}
	}
	return pl
}

// eachMust visits the field conditions that every accepted point meets.
func (c *collection) eachMust(f *pb.Filter, visit func(*pb.FieldCondition)) {
	for _, condition := range f.GetMust() {
		switch o := condition.GetConditionOneOf().(type) {
		case *pb.Condition_Field:
			visit(o.Field)
		case *pb.Condition_Filter:
			c.eachMust(o.Filter, visit)
		}
	}
}

func keywordsOf(m *pb.Match) ([]string, bool) {
	switch o := m.GetMatchValue().(type) {
	case *pb.Match_Keyword:
		return []string{o.Keyword}, true
	case *pb.Match_Keywords:
		return o.Keywords.GetStrings(), true
	}
	return nil, false
}

// size is the number of points in the plan's groups.
func (pl plan) size() int {
	n := 0
	for _, g := range pl.groups {
		n += len(g.points)
	}
	return n
}

// usesSet reports whether the set is worth following pointers for.
func (pl plan) usesSet() bool { return pl.narrow && len(pl.points)*4 < pl.size() }

// each visits every point of the plan.
func (pl plan) each(visit func(*point)) {
	if pl.usesSet() {
		for p := range pl.points {
			visit(p)
		}
		return
	}
	for _, g := range pl.groups {
		for _, p := range g.points {
			visit(p)
		}
	}
}

// selectPoints returns the points that meet a filter, in no order.
func (c *collection) selectPoints(f *pb.Filter) ([]*point, error) {
	accept, err := c.compileFilter(f)
	if err != nil {
		return nil, err
	}
	var found []*point
	c.plan(f).each(func(p *point) {
		if accept.matches(p) {
			found = append(found, p)
		}
	})
	return found, nil
}
