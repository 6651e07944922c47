package qdrant

import (
	"maps"
	"slices"

	pb "github.com/qdrant/go-client/qdrant"
)

const (
	// compactSlack is how many bytes of the log may be of no use before it is
	// rewritten; beside it, as many as are of use.
	compactSlack = 64 << 20
	// compactBatch is the number of points in one record of a rewritten log.
	compactBatch = 256
)

// compactIfWorthwhile rewrites the log when more than half of it, and more
// than compactSlack, describes points that have been replaced or deleted.
// Changes wait meanwhile, about a second for each 300 MB; reads do not. It is
// called with writing held, or before the server serves.
func (s *Server) compactIfWorthwhile() error {
	live := int64(0)
	for _, c := range s.state.collections {
		live += c.bytes
	}
	if s.journal.size <= 2*live+compactSlack {
		return nil
	}
	before := s.journal.size
	if err := s.journal.replace(s.state.dump); err != nil {
		return err
	}
	s.log.Info("qdrant: compacted the log", "before", before, "after", s.journal.size)
	return nil
}

// dump gives add the shortest list of operations that make this state.
func (st *state) dump(add func(body []byte) error) error {
	for _, name := range slices.Sorted(maps.Keys(st.collections)) {
		if err := st.collections[name].dump(add); err != nil {
			return err
		}
	}
	var aliases []*pb.AliasOperations
	for _, alias := range slices.Sorted(maps.Keys(st.aliases)) {
		aliases = append(aliases, pb.NewAliasCreate(alias, st.aliases[alias]))
	}
	if len(aliases) == 0 {
		return nil
	}
	body, err := encode(opChangeAliases, &pb.ChangeAliases{Actions: aliases})
	if err != nil {
		return err
	}
	return add(body)
}

func (c *collection) dump(add func(body []byte) error) error {
	body, err := encode(opCreateCollection, c.config)
	if err != nil {
		return err
	}
	if err := add(body); err != nil {
		return err
	}
	for _, index := range c.indexOrder {
		body, err := encode(opCreateIndex, c.indexes[index].request)
		if err != nil {
			return err
		}
		if err := add(body); err != nil {
			return err
		}
	}
	for points := range slices.Chunk(c.sorted(), compactBatch) {
		request := &pb.UpsertPoints{CollectionName: c.name}
		for _, p := range points {
			request.Points = append(request.Points, &pb.PointStruct{Id: p.id.proto(), Payload: p.payload, Vectors: c.vectorsOf(p)})
		}
		body, err := encode(opUpsert, request)
		if err != nil {
			return err
		}
		if err := add(body); err != nil {
			return err
		}
	}
	return nil
}

// vectorsOf gives a point's vectors as a client would send them.
func (c *collection) vectorsOf(p *point) *pb.Vectors {
	vectors := map[string]*pb.Vector{}
	for i, space := range c.dense {
		if data := p.dense(i); data != nil {
			vectors[space.name] = pb.NewVectorDense(data)
		}
	}
	for i, space := range c.sparse {
		if v := p.sparse[i]; v != nil {
			vectors[space.name] = pb.NewVectorSparse(v.indices, v.values)
		}
	}
	return pb.NewVectorsMap(vectors)
}
