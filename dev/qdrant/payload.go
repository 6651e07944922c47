package qdrant

import (
	"maps"
	"strconv"
	"strings"

	pb "github.com/qdrant/go-client/qdrant"
)

// step is one part of a JSON path: a key, an element of a list, or each one.
type step struct {
	key   string
	index int // -1 for every element
	list  bool
}

// path addresses values in a payload: "a", "a.b", "a[].b", "a[0]".
type path []step

func parsePath(text string) (path, error) {
	if strings.Contains(text, `"`) {
		return nil, errUnsupported("quoted keys in JSON paths")
	}
	var p path
	for _, word := range strings.Split(text, ".") {
		key, rest, _ := strings.Cut(word, "[")
		if key == "" {
			return nil, errMalformed("Invalid JSON path: %s", text)
		}
		p = append(p, step{key: key})
		if rest == "" && !strings.Contains(word, "[") {
			continue
		}
		for _, inner := range strings.Split(rest, "[") {
			inner, ok := strings.CutSuffix(inner, "]")
			if !ok {
				return nil, errMalformed("Invalid JSON path: %s", text)
			}
			index := -1
			if inner != "" {
				var err error
				if index, err = strconv.Atoi(inner); err != nil || index < 0 {
					return nil, errMalformed("Invalid JSON path: %s", text)
				}
			}
			p = append(p, step{index: index, list: true})
		}
	}
	return p, nil
}

// each calls found with every value the path leads to, until it returns false.
// A list at the end is one value; a list on the way is entered only by [].
func (p path) each(payload map[string]*pb.Value, found func(*pb.Value) bool) bool {
	value, ok := payload[p[0].key]
	if !ok {
		return true
	}
	return p[1:].from(value, found)
}

func (p path) from(value *pb.Value, found func(*pb.Value) bool) bool {
	if len(p) == 0 {
		return found(value)
	}
	if !p[0].list {
		inner, ok := value.GetStructValue().GetFields()[p[0].key]
		return !ok || p[1:].from(inner, found)
	}
	for i, element := range value.GetListValue().GetValues() {
		if p[0].index >= 0 && p[0].index != i {
			continue
		}
		if !p[1:].from(element, found) {
			return false
		}
	}
	return true
}

// eachScalar is each with lists at the end opened, one level deep, as
// conditions and indexes see them.
func (p path) eachScalar(payload map[string]*pb.Value, found func(*pb.Value) bool) bool {
	return p.each(payload, func(v *pb.Value) bool {
		list, ok := v.GetKind().(*pb.Value_ListValue)
		if !ok {
			return found(v)
		}
		for _, element := range list.ListValue.GetValues() {
			if !found(element) {
				return false
			}
		}
		return true
	})
}

// payloadSelector decides what of a payload is returned. A nil selector
// returns nothing, as the protocol's default is.
type payloadSelector func(map[string]*pb.Value) map[string]*pb.Value

func parseWithPayload(w *pb.WithPayloadSelector) (payloadSelector, error) {
	all := func(payload map[string]*pb.Value) map[string]*pb.Value { return payload }
	none := func(map[string]*pb.Value) map[string]*pb.Value { return nil }
	switch o := w.GetSelectorOptions().(type) {
	case nil:
		return none, nil
	case *pb.WithPayloadSelector_Enable:
		if o.Enable {
			return all, nil
		}
		return none, nil
	case *pb.WithPayloadSelector_Include:
		fields := o.Include.GetFields()
		return func(payload map[string]*pb.Value) map[string]*pb.Value {
			kept := map[string]*pb.Value{}
			for _, field := range fields {
				if value, ok := payload[field]; ok {
					kept[field] = value
				}
			}
			return kept
		}, checkTopLevel(fields)
	case *pb.WithPayloadSelector_Exclude:
		fields := o.Exclude.GetFields()
		return func(payload map[string]*pb.Value) map[string]*pb.Value {
			kept := maps.Clone(payload)
			for _, field := range fields {
				delete(kept, field)
			}
			return kept
		}, checkTopLevel(fields)
	}
	return nil, errUnsupported("this payload selector")
}

func checkTopLevel(fields []string) error {
	for _, field := range fields {
		if strings.ContainsAny(field, `.["`) {
			return errUnsupported("nested fields in a payload selector")
		}
	}
	return nil
}
