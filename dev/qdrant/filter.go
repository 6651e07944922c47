package qdrant

import (
	"slices"

	pb "github.com/qdrant/go-client/qdrant"
)

// subject is what conditions look at: a point, or an element of a nested list,
// which has a payload only.
type subject struct {
	*point
	payload map[string]*pb.Value
}

// predicate says whether a condition holds.
type predicate func(subject) bool

// matches applies a predicate to a point; a nil one matches all.
func (f predicate) matches(p *point) bool {
	return f == nil || f(subject{point: p, payload: p.payload})
}

// compileFilter turns a filter into a predicate, nil for one without
// conditions. All of must, none of must_not, one of should if there are any,
// and min_count of min_should hold.
func (c *collection) compileFilter(f *pb.Filter) (predicate, error) {
	must, err := c.compileAll(f.GetMust())
	if err != nil {
		return nil, err
	}
	mustNot, err := c.compileAll(f.GetMustNot())
	if err != nil {
		return nil, err
	}
	should, err := c.compileAll(f.GetShould())
	if err != nil {
		return nil, err
	}
	minShould, err := c.compileAll(f.GetMinShould().GetConditions())
	if err != nil {
		return nil, err
	}
	atLeast := f.GetMinShould().GetMinCount()
	if len(must)+len(mustNot)+len(should) == 0 && f.GetMinShould() == nil {
		return nil, nil
	}
	return func(s subject) bool {
		for _, holds := range must {
			if !holds(s) {
				return false
			}
		}
		for _, holds := range mustNot {
			if holds(s) {
				return false
			}
		}
		if len(should) > 0 && !slices.ContainsFunc(should, func(holds predicate) bool { return holds(s) }) {
			return false
		}
		count := uint64(0)
		for _, holds := range minShould {
			if holds(s) {
				count++
			}
		}
		return count >= atLeast
	}, nil
}

func (c *collection) compileAll(conditions []*pb.Condition) ([]predicate, error) {
	compiled := make([]predicate, len(conditions))
	for i, condition := range conditions {
		var err error
		if compiled[i], err = c.compileCondition(condition); err != nil {
			return nil, err
		}
	}
	return compiled, nil
}

func (c *collection) compileCondition(condition *pb.Condition) (predicate, error) {
	switch o := condition.GetConditionOneOf().(type) {
	case *pb.Condition_Field:
		return compileField(o.Field)
	case *pb.Condition_IsEmpty:
		return compileIsEmpty(o.IsEmpty.GetKey())
	case *pb.Condition_IsNull:
		return compileIsNull(o.IsNull.GetKey())
	case *pb.Condition_HasId:
		return compileHasID(o.HasId.GetHasId())
	case *pb.Condition_HasVector:
		return c.compileHasVector(o.HasVector.GetHasVector())
	case *pb.Condition_Nested:
		return c.compileNested(o.Nested)
	case *pb.Condition_Filter:
		inner, err := c.compileFilter(o.Filter)
		if err != nil || inner != nil {
			return inner, err
		}
		return func(subject) bool { return true }, nil
	}
	return nil, errMalformed("Malformed Condition type")
}

func compileHasID(list []*pb.PointId) (predicate, error) {
	ids, err := parseIDs(list)
	if err != nil {
		return nil, err
	}
	set := map[pointID]struct{}{}
	for _, id := range ids {
		set[id] = struct{}{}
	}
	return func(s subject) bool {
		if s.point == nil {
			return false
		}
		_, ok := set[s.id]
		return ok
	}, nil
}

func (c *collection) compileHasVector(name string) (predicate, error) {
	if i := c.denseIndex(name); i >= 0 {
		return func(s subject) bool { return s.point != nil && s.slots[i] >= 0 }, nil
	}
	if i := c.sparseIndex(name); i >= 0 {
		return func(s subject) bool { return s.point != nil && s.sparse[i] != nil }, nil
	}
	return func(subject) bool { return false }, nil
}

// compileNested holds if one element of the list at key meets the filter on
// its own, with keys relative to the element.
func (c *collection) compileNested(n *pb.NestedCondition) (predicate, error) {
	p, err := parsePath(n.GetKey())
	if err != nil {
		return nil, err
	}
	if !p[len(p)-1].list {
		p = append(p, step{index: -1, list: true})
	}
	inner, err := c.compileFilter(n.GetFilter())
	if err != nil {
		return nil, err
	}
	return func(s subject) bool {
		return !p.each(s.payload, func(v *pb.Value) bool {
			element, ok := v.GetKind().(*pb.Value_StructValue)
			holds := ok && (inner == nil || inner(subject{payload: element.StructValue.GetFields()}))
			return !holds
		})
	}, nil
}

// compileIsEmpty holds if the field is missing, null or an empty list.
func compileIsEmpty(key string) (predicate, error) {
	p, err := parsePath(key)
	if err != nil {
		return nil, err
	}
	return func(s subject) bool {
		return p.each(s.payload, func(v *pb.Value) bool {
			switch k := v.GetKind().(type) {
			case nil, *pb.Value_NullValue:
				return true
			case *pb.Value_ListValue:
				return len(k.ListValue.GetValues()) == 0
			}
			return false
		})
	}, nil
}

// compileIsNull holds if the field is null or a list with a null.
func compileIsNull(key string) (predicate, error) {
	p, err := parsePath(key)
	if err != nil {
		return nil, err
	}
	return func(s subject) bool {
		return !p.eachScalar(s.payload, func(v *pb.Value) bool {
			_, null := v.GetKind().(*pb.Value_NullValue)
			return !null
		})
	}, nil
}
