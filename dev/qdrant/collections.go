package qdrant

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

type collectionsService struct {
	pb.UnimplementedCollectionsServer
	s *Server
}

// maxDimensions is the real server's.
const maxDimensions = 65536

func (s *collectionsService) operate(op opcode, request proto.Message) (*pb.CollectionOperationResponse, error) {
	start := time.Now()
	_, changed, err := s.s.commit(op, request)
	if err != nil {
		return nil, err
	}
	return &pb.CollectionOperationResponse{Result: changed, Time: time.Since(start).Seconds()}, nil
}

func (s *collectionsService) Create(_ context.Context, r *pb.CreateCollection) (*pb.CollectionOperationResponse, error) {
	return s.operate(opCreateCollection, r)
}

// Delete answers false for a collection that does not exist. Aliases of the
// collection go with it.
func (s *collectionsService) Delete(_ context.Context, r *pb.DeleteCollection) (*pb.CollectionOperationResponse, error) {
	return s.operate(opDeleteCollection, r)
}

func (st *state) prepareCreateCollection(r *pb.CreateCollection) (func(), error) {
	name := r.GetCollectionName()
	if name == "" || len(name) > 255 || strings.ContainsAny(name, "<>:\"/\\|?*\x00\x1f") || name == "." || name == ".." {
		return nil, errValidation("[collection_name: value %q is not a valid name]", name)
	}
	if _, ok := st.collections[name]; ok {
		return nil, errCollectionExists(name)
	}
	if _, ok := st.aliases[name]; ok {
		return nil, errWrongInput("Can't create collection with name %s. Alias with the same name already exists", name)
	}
	if err := refuse(
		part{"quantization", r.QuantizationConfig != nil},
		part{"custom sharding", r.ShardingMethod != nil && r.GetShardingMethod() != pb.ShardingMethod_Auto},
		part{"strict mode", r.GetStrictModeConfig().GetEnabled()},
	); err != nil {
		return nil, err
	}
	dense, err := denseSpaces(r.GetVectorsConfig())
	if err != nil {
		return nil, err
	}
	sparse, err := sparseSpaces(r.GetSparseVectorsConfig())
	if err != nil {
		return nil, err
	}
	for _, s := range sparse {
		if slices.ContainsFunc(dense, func(d denseSpace) bool { return d.name == s.name }) {
			return nil, errWrongInput("the vector name %s is used twice", s.name)
		}
	}
	c := &collection{
		name: name, config: r, dense: dense, sparse: sparse,
		points: map[pointID]*point{}, groups: map[string]*group{}, indexes: map[string]*fieldIndex{},
	}
	return func() { st.collections[name] = c }, nil
}

func denseSpaces(config *pb.VectorsConfig) ([]denseSpace, error) {
	named := config.GetParamsMap().GetMap()
	if params := config.GetParams(); params != nil {
		named = map[string]*pb.VectorParams{"": params}
	}
	var spaces []denseSpace
	for _, name := range slices.Sorted(maps.Keys(named)) {
		params := named[name]
		if err := refuse(
			part{"quantization", params.QuantizationConfig != nil},
			part{"multi-vectors", params.MultivectorConfig != nil},
			part{"datatype " + params.GetDatatype().String(), params.Datatype != nil && params.GetDatatype() != pb.Datatype_Float32},
			part{"distance " + params.GetDistance().String(), params.GetDistance() == pb.Distance_Euclid || params.GetDistance() == pb.Distance_Manhattan},
		); err != nil {
			return nil, err
		}
		if params.GetSize() < 1 || params.GetSize() > maxDimensions {
			return nil, errValidation("[size: value %d invalid, must be from 1 to %d]", params.GetSize(), maxDimensions)
		}
		if d := params.GetDistance(); d != pb.Distance_Cosine && d != pb.Distance_Dot {
			return nil, errMalformed("Malformed distance")
		}
		spaces = append(spaces, denseSpace{name: name, size: int(params.GetSize()), cosine: params.GetDistance() == pb.Distance_Cosine})
	}
	return spaces, nil
}

func sparseSpaces(config *pb.SparseVectorConfig) ([]sparseSpace, error) {
	var spaces []sparseSpace
	for _, name := range slices.Sorted(maps.Keys(config.GetMap())) {
		params := config.GetMap()[name]
		index := params.GetIndex()
		if err := refuse(part{"datatype " + index.GetDatatype().String(), index != nil && index.Datatype != nil && index.GetDatatype() != pb.Datatype_Float32}); err != nil {
			return nil, err
		}
		spaces = append(spaces, sparseSpace{name: name, idf: params.GetModifier() == pb.Modifier_Idf, df: map[uint32]int{}})
	}
	return spaces, nil
}

func (st *state) prepareDeleteCollection(r *pb.DeleteCollection) (func(), error) {
	name := r.GetCollectionName()
	if _, ok := st.collections[name]; !ok {
		return nil, nil
	}
	return func() {
		delete(st.collections, name)
		maps.DeleteFunc(st.aliases, func(_, target string) bool { return target == name })
	}, nil
}

func (s *collectionsService) List(context.Context, *pb.ListCollectionsRequest) (*pb.ListCollectionsResponse, error) {
	start := time.Now()
	s.s.reading.RLock()
	defer s.s.reading.RUnlock()
	response := &pb.ListCollectionsResponse{}
	for _, name := range slices.Sorted(maps.Keys(s.s.state.collections)) {
		response.Collections = append(response.Collections, &pb.CollectionDescription{Name: name})
	}
	response.Time = time.Since(start).Seconds()
	return response, nil
}

func (s *collectionsService) CollectionExists(_ context.Context, r *pb.CollectionExistsRequest) (*pb.CollectionExistsResponse, error) {
	start := time.Now()
	s.s.reading.RLock()
	defer s.s.reading.RUnlock()
	_, err := s.s.state.collection(r.GetCollectionName())
	return &pb.CollectionExistsResponse{Result: &pb.CollectionExists{Exists: err == nil}, Time: time.Since(start).Seconds()}, nil
}

func (s *collectionsService) Get(_ context.Context, r *pb.GetCollectionInfoRequest) (*pb.GetCollectionInfoResponse, error) {
	start := time.Now()
	s.s.reading.RLock()
	defer s.s.reading.RUnlock()
	c, err := s.s.state.collection(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	return &pb.GetCollectionInfoResponse{Result: c.info(), Time: time.Since(start).Seconds()}, nil
}

func (c *collection) info() *pb.CollectionInfo {
	schema := map[string]*pb.PayloadSchemaInfo{}
	for field, index := range c.indexes {
		schema[field] = &pb.PayloadSchemaInfo{
			DataType: index.schema,
			Params:   index.request.GetFieldIndexParams(),
			Points:   pb.PtrOf(uint64(index.count)),
		}
	}
	return &pb.CollectionInfo{
		Status:          pb.CollectionStatus_Green,
		OptimizerStatus: &pb.OptimizerStatus{Ok: true},
		SegmentsCount:   1,
		Config: &pb.CollectionConfig{
			Params: &pb.CollectionParams{
				ShardNumber:            1,
				OnDiskPayload:          c.config.GetOnDiskPayload(),
				VectorsConfig:          c.config.GetVectorsConfig(),
				ReplicationFactor:      pb.PtrOf(uint32(1)),
				WriteConsistencyFactor: pb.PtrOf(uint32(1)),
				SparseVectorsConfig:    c.config.GetSparseVectorsConfig(),
			},
			HnswConfig:      c.config.GetHnswConfig(),
			OptimizerConfig: c.config.GetOptimizersConfig(),
			WalConfig:       c.config.GetWalConfig(),
			Metadata:        c.config.GetMetadata(),
		},
		PayloadSchema: schema,
		PointsCount:   pb.PtrOf(uint64(len(c.points))),
		// No vector is in an approximate index: all are searched exactly.
		IndexedVectorsCount: pb.PtrOf(uint64(0)),
	}
}
