package qdrant

import (
	"fmt"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// state is everything the server holds. It changes only by operations, so
// that the log can rebuild it.
type state struct {
	collections map[string]*collection
	aliases     map[string]string // alias -> collection
	sequence    uint64            // operations applied; the version of points
}

func newState() *state {
	return &state{collections: map[string]*collection{}, aliases: map[string]string{}}
}

// collection finds a collection by its name or an alias.
func (st *state) collection(name string) (*collection, error) {
	if target, ok := st.aliases[name]; ok {
		name = target
	}
	c, ok := st.collections[name]
	if !ok {
		return nil, errNoCollection(name)
	}
	return c, nil
}

// opcode is the first byte of a log record; the rest is the request. Values
// are on disk and never change their meaning.
type opcode byte

const (
	opCreateCollection opcode = 1 // CreateCollection
	opDeleteCollection opcode = 2 // DeleteCollection
	opChangeAliases    opcode = 3 // ChangeAliases
	opCreateIndex      opcode = 4 // CreateFieldIndexCollection
	opDeleteIndex      opcode = 5 // DeleteFieldIndexCollection
	opUpsert           opcode = 6 // UpsertPoints
	opDelete           opcode = 7 // DeletePoints
	opSetPayload       opcode = 8 // SetPayloadPoints
	opOverwritePayload opcode = 9 // SetPayloadPoints
)

func newRequest(op opcode) (proto.Message, error) {
	switch op {
	case opCreateCollection:
		return &pb.CreateCollection{}, nil
	case opDeleteCollection:
		return &pb.DeleteCollection{}, nil
	case opChangeAliases:
		return &pb.ChangeAliases{}, nil
	case opCreateIndex:
		return &pb.CreateFieldIndexCollection{}, nil
	case opDeleteIndex:
		return &pb.DeleteFieldIndexCollection{}, nil
	case opUpsert:
		return &pb.UpsertPoints{}, nil
	case opDelete:
		return &pb.DeletePoints{}, nil
	case opSetPayload, opOverwritePayload:
		return &pb.SetPayloadPoints{}, nil
	}
	return nil, fmt.Errorf("unknown operation %d; the log is of a newer version", op)
}

// prepare checks an operation against the state without changing it, and
// returns what applies it and can't fail. A nil apply means that there is
// nothing to change. Preparing is deterministic: replaying the log gives the
// state that wrote it.
func (st *state) prepare(op opcode, request proto.Message) (apply func(), err error) {
	switch r := request.(type) {
	case *pb.CreateCollection:
		return st.prepareCreateCollection(r)
	case *pb.DeleteCollection:
		return st.prepareDeleteCollection(r)
	case *pb.ChangeAliases:
		return st.prepareChangeAliases(r)
	case *pb.CreateFieldIndexCollection:
		return st.prepareCreateIndex(r)
	case *pb.DeleteFieldIndexCollection:
		return st.prepareDeleteIndex(r)
	case *pb.UpsertPoints:
		return st.prepareUpsert(r)
	case *pb.DeletePoints:
		return st.prepareDelete(r)
	case *pb.SetPayloadPoints:
		return st.prepareSetPayload(r, op == opOverwritePayload)
	}
	return nil, fmt.Errorf("unknown operation %T", request)
}

// replay applies one record of the log.
func (st *state) replay(body []byte) error {
	if len(body) == 0 {
		return fmt.Errorf("empty record")
	}
	request, err := newRequest(opcode(body[0]))
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(body[1:], request); err != nil {
		return err
	}
	apply, err := st.prepare(opcode(body[0]), request)
	if err != nil {
		return err
	}
	st.apply(apply)
	return nil
}

func (st *state) apply(apply func()) {
	st.sequence++
	if apply != nil {
		apply()
	}
}

func encode(op opcode, request proto.Message) ([]byte, error) {
	return proto.MarshalOptions{}.MarshalAppend([]byte{byte(op)}, request)
}
