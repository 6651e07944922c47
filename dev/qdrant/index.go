package qdrant

import (
	"context"
	"slices"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// fieldIndex is an index of one payload field. Keyword and uuid indexes find
// points by value; the other types are kept for the collection's info, as
// their conditions are cheap enough to evaluate.
type fieldIndex struct {
	request *pb.CreateFieldIndexCollection
	path    path
	schema  pb.PayloadSchemaType
	tenant  bool
	values  map[string]map[*point]struct{} // keyword and uuid
	count   int                            // points with a value of its type
}

func (x *fieldIndex) insert(p *point) {
	found := false
	x.path.eachScalar(p.payload, func(v *pb.Value) bool {
		if !x.holds(v) {
			return true
		}
		found = true
		if x.values != nil {
			set, ok := x.values[v.GetStringValue()]
			if !ok {
				set = map[*point]struct{}{}
				x.values[v.GetStringValue()] = set
			}
			set[p] = struct{}{}
		}
		return true
	})
	if found {
		x.count++
	}
}

func (x *fieldIndex) remove(p *point) {
	found := false
	x.path.eachScalar(p.payload, func(v *pb.Value) bool {
		if !x.holds(v) {
			return true
		}
		found = true
		if set := x.values[v.GetStringValue()]; set != nil {
			delete(set, p)
			if len(set) == 0 {
				delete(x.values, v.GetStringValue())
			}
		}
		return true
	})
	if found {
		x.count--
	}
}

func (x *fieldIndex) holds(v *pb.Value) bool {
	switch v.GetKind().(type) {
	case *pb.Value_StringValue:
		return x.schema == pb.PayloadSchemaType_Keyword || x.schema == pb.PayloadSchemaType_Uuid
	case *pb.Value_IntegerValue:
		return x.schema == pb.PayloadSchemaType_Integer || x.schema == pb.PayloadSchemaType_Float
	case *pb.Value_DoubleValue:
		return x.schema == pb.PayloadSchemaType_Float
	case *pb.Value_BoolValue:
		return x.schema == pb.PayloadSchemaType_Bool
	}
	return false
}

// tenantIndex is the index that forms the groups, nil if there is none.
func (c *collection) tenantIndex() *fieldIndex {
	for _, field := range c.indexOrder {
		if x := c.indexes[field]; x.tenant {
			return x
		}
	}
	return nil
}

// tenantOf returns the group a payload belongs to: its tenant if it names
// exactly one, else the group of all others.
func (c *collection) tenantOf(payload map[string]*pb.Value) string {
	x := c.tenantIndex()
	if x == nil {
		return ""
	}
	key, values := "", 0
	x.path.eachScalar(payload, func(v *pb.Value) bool {
		if x.holds(v) {
			key = v.GetStringValue()
			values++
		}
		return true
	})
	if values != 1 {
		return ""
	}
	return key
}

func (st *state) prepareCreateIndex(r *pb.CreateFieldIndexCollection) (func(), error) {
	c, err := st.collection(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	index, err := newFieldIndex(r)
	if err != nil {
		return nil, err
	}
	// Kept for the next compaction, which knows collections by their own name.
	index.request = proto.CloneOf(r)
	index.request.CollectionName = c.name
	return func() {
		before := c.tenantIndex()
		if _, ok := c.indexes[r.GetFieldName()]; !ok {
			c.indexOrder = append(c.indexOrder, r.GetFieldName())
		}
		c.indexes[r.GetFieldName()] = index
		for _, p := range c.points {
			index.insert(p)
		}
		if c.tenantIndex() != before {
			c.regroup()
		}
	}, nil
}

func newFieldIndex(r *pb.CreateFieldIndexCollection) (*fieldIndex, error) {
	if r.FieldType == nil {
		return nil, errWrongInput("Unable to infer type for the field '%s'. Please specify `field_type`", r.GetFieldName())
	}
	p, err := parsePath(r.GetFieldName())
	if err != nil {
		return nil, err
	}
	x := &fieldIndex{path: p}
	params := r.GetFieldIndexParams()
	fits := params.GetIndexParams() == nil
	switch r.GetFieldType() {
	case pb.FieldType_FieldTypeKeyword:
		x.schema, x.values = pb.PayloadSchemaType_Keyword, map[string]map[*point]struct{}{}
		x.tenant = params.GetKeywordIndexParams().GetIsTenant()
		fits = fits || params.GetKeywordIndexParams() != nil
	case pb.FieldType_FieldTypeUuid:
		x.schema, x.values = pb.PayloadSchemaType_Uuid, map[string]map[*point]struct{}{}
		x.tenant = params.GetUuidIndexParams().GetIsTenant()
		fits = fits || params.GetUuidIndexParams() != nil
	case pb.FieldType_FieldTypeInteger:
		x.schema = pb.PayloadSchemaType_Integer
		fits = fits || params.GetIntegerIndexParams() != nil
	case pb.FieldType_FieldTypeFloat:
		x.schema = pb.PayloadSchemaType_Float
		fits = fits || params.GetFloatIndexParams() != nil
	case pb.FieldType_FieldTypeBool:
		x.schema = pb.PayloadSchemaType_Bool
		fits = fits || params.GetBoolIndexParams() != nil
	default:
		return nil, errUnsupported("a field index of " + r.GetFieldType().String())
	}
	if !fits {
		return nil, errWrongInput("the index parameters of field '%s' are not of its type", r.GetFieldName())
	}
	return x, nil
}

func (st *state) prepareDeleteIndex(r *pb.DeleteFieldIndexCollection) (func(), error) {
	c, err := st.collection(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	index, ok := c.indexes[r.GetFieldName()]
	if !ok {
		return nil, nil
	}
	return func() {
		before := c.tenantIndex()
		delete(c.indexes, r.GetFieldName())
		c.indexOrder = slices.DeleteFunc(c.indexOrder, func(field string) bool { return field == r.GetFieldName() })
		if before == index {
			c.regroup()
		}
	}, nil
}

func (s *pointsService) CreateFieldIndex(_ context.Context, r *pb.CreateFieldIndexCollection) (*pb.PointsOperationResponse, error) {
	return s.update(opCreateIndex, r, r.GetWait(), time.Now())
}

func (s *pointsService) DeleteFieldIndex(_ context.Context, r *pb.DeleteFieldIndexCollection) (*pb.PointsOperationResponse, error) {
	return s.update(opDeleteIndex, r, r.GetWait(), time.Now())
}
