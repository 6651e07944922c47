package qdrant

import (
	pb "github.com/qdrant/go-client/qdrant"
)

// compileField compiles the conditions on one field; with several in one
// message, one of them must hold. A condition holds if one of the field's
// values meets it; a missing field meets none but is_empty.
func compileField(f *pb.FieldCondition) (predicate, error) {
	if err := refuse(
		part{"geo_bounding_box conditions", f.GeoBoundingBox != nil},
		part{"geo_radius conditions", f.GeoRadius != nil},
		part{"geo_polygon conditions", f.GeoPolygon != nil},
		part{"datetime_range conditions", f.DatetimeRange != nil},
		part{"values_count conditions", f.ValuesCount != nil},
		part{"field conditions with is_empty; use the is_empty condition", f.IsEmpty != nil},
		part{"field conditions with is_null; use the is_null condition", f.IsNull != nil},
		part{"field conditions with both match and range", f.Match != nil && f.Range != nil},
	); err != nil {
		return nil, err
	}
	p, err := parsePath(f.GetKey())
	if err != nil {
		return nil, err
	}
	var test func(*pb.Value) bool
	switch {
	case f.Match != nil:
		if test, err = compileMatch(f.Match); err != nil {
			return nil, err
		}
	case f.Range != nil:
		test = compileRange(f.Range)
	default:
		return nil, errMalformed("Malformed FieldCondition type")
	}
	return func(s subject) bool {
		return !p.eachScalar(s.payload, func(v *pb.Value) bool { return !test(v) })
	}, nil
}

func compileMatch(m *pb.Match) (func(*pb.Value) bool, error) {
	switch o := m.GetMatchValue().(type) {
	case *pb.Match_Keyword:
		return func(v *pb.Value) bool {
			s, ok := v.GetKind().(*pb.Value_StringValue)
			return ok && s.StringValue == o.Keyword
		}, nil
	case *pb.Match_Keywords:
		set := setOf(o.Keywords.GetStrings())
		return func(v *pb.Value) bool {
			s, ok := v.GetKind().(*pb.Value_StringValue)
			return ok && set[s.StringValue]
		}, nil
	case *pb.Match_ExceptKeywords:
		set := setOf(o.ExceptKeywords.GetStrings())
		return func(v *pb.Value) bool {
			s, ok := v.GetKind().(*pb.Value_StringValue)
			return ok && !set[s.StringValue] || !ok && !isNull(v)
		}, nil
	case *pb.Match_Integer:
		return func(v *pb.Value) bool {
			n, ok := v.GetKind().(*pb.Value_IntegerValue)
			return ok && n.IntegerValue == o.Integer
		}, nil
	case *pb.Match_Integers:
		set := setOf(o.Integers.GetIntegers())
		return func(v *pb.Value) bool {
			n, ok := v.GetKind().(*pb.Value_IntegerValue)
			return ok && set[n.IntegerValue]
		}, nil
	case *pb.Match_ExceptIntegers:
		set := setOf(o.ExceptIntegers.GetIntegers())
		return func(v *pb.Value) bool {
			n, ok := v.GetKind().(*pb.Value_IntegerValue)
			return ok && !set[n.IntegerValue] || !ok && !isNull(v)
		}, nil
	case *pb.Match_Boolean:
		return func(v *pb.Value) bool {
			b, ok := v.GetKind().(*pb.Value_BoolValue)
			return ok && b.BoolValue == o.Boolean
		}, nil
	case *pb.Match_Text:
		return nil, errUnsupported("match text")
	case *pb.Match_TextAny:
		return nil, errUnsupported("match text_any")
	case *pb.Match_Phrase:
		return nil, errUnsupported("match phrase")
	}
	return nil, errMalformed("Malformed Match condition")
}

func setOf[T comparable](list []T) map[T]bool {
	set := make(map[T]bool, len(list))
	for _, element := range list {
		set[element] = true
	}
	return set
}

func isNull(v *pb.Value) bool {
	switch v.GetKind().(type) {
	case nil, *pb.Value_NullValue:
		return true
	}
	return false
}

func compileRange(r *pb.Range) func(*pb.Value) bool {
	return func(v *pb.Value) bool {
		var x float64
		switch k := v.GetKind().(type) {
		case *pb.Value_IntegerValue:
			x = float64(k.IntegerValue)
		case *pb.Value_DoubleValue:
			x = k.DoubleValue
		default:
			return false
		}
		return (r.Lt == nil || x < *r.Lt) && (r.Gt == nil || x > *r.Gt) &&
			(r.Lte == nil || x <= *r.Lte) && (r.Gte == nil || x >= *r.Gte)
	}
}
