package conformance

import (
	"testing"

	"github.com/chatconnect/chatconnect/dev/qdrant"
	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
)

// TestUnsupportedPartsAreNamed holds for the stand-in alone: the real server
// does all of this.
func TestUnsupportedPartsAreNamed(t *testing.T) {
	t.Parallel()
	client := newClient(t, target{url: "http://" + startServer(t, t.TempDir(), qdrant.Options{})})
	ctx, name := t.Context(), unique()
	f := fixture{T: t, client: client, name: name, ctx: ctx}
	f.library()

	create := func(change func(*pb.CreateCollection)) func() error {
		return func() error {
			c := hybrid(unique())
			change(c)
			return client.CreateCollection(ctx, c)
		}
	}
	query := func(q *pb.QueryPoints) func() error {
		return func() error {
			q.CollectionName = name
			_, err := client.Query(ctx, q)
			return err
		}
	}
	filter := func(c *pb.Condition) func() error {
		return func() error {
			_, err := client.Count(ctx, &pb.CountPoints{CollectionName: name, Filter: must(c)})
			return err
		}
	}
	dense := pb.NewVectorInput(1, 0, 0, 0)
	for _, test := range []struct {
		part string
		call func() error
	}{
		{"quantization", create(func(c *pb.CreateCollection) {
			c.QuantizationConfig = pb.NewQuantizationScalar(&pb.ScalarQuantization{Type: pb.QuantizationType_Int8})
		})},
		{"multi-vectors", create(func(c *pb.CreateCollection) {
			c.VectorsConfig.GetParamsMap().GetMap()["dense"].MultivectorConfig = &pb.MultiVectorConfig{}
		})},
		{"distance Euclid", create(func(c *pb.CreateCollection) {
			c.VectorsConfig.GetParamsMap().GetMap()["dense"].Distance = pb.Distance_Euclid
		})},
		{"datatype Uint8", create(func(c *pb.CreateCollection) {
			c.VectorsConfig.GetParamsMap().GetMap()["dense"].Datatype = pb.Datatype_Uint8.Enum()
		})},
		{"custom sharding", create(func(c *pb.CreateCollection) { c.ShardingMethod = pb.ShardingMethod_Custom.Enum() })},
		{"strict mode", create(func(c *pb.CreateCollection) { c.StrictModeConfig = &pb.StrictModeConfig{Enabled: pb.PtrOf(true)} })},
		{"fusion DBSF", query(&pb.QueryPoints{Prefetch: prefetches(nil), Query: pb.NewQueryFusion(pb.Fusion_DBSF)})},
		{"rrf weights", query(&pb.QueryPoints{Prefetch: prefetches(nil), Query: pb.NewQueryRRF(&pb.Rrf{Weights: []float32{1, 2}})})},
		{"queries by point id", query(&pb.QueryPoints{Query: pb.NewQueryID(pb.NewIDNum(1)), Using: pb.PtrOf("dense")})},
		{"recommend", query(&pb.QueryPoints{Query: pb.NewQueryRecommend(&pb.RecommendInput{Positive: []*pb.VectorInput{dense}}), Using: pb.PtrOf("dense")})},
		{"order_by", query(&pb.QueryPoints{Query: pb.NewQueryOrderBy(&pb.OrderBy{Key: "tenant"})})},
		{"sample", query(&pb.QueryPoints{Query: pb.NewQuerySample(pb.Sample_Random)})},
		{"formula", query(&pb.QueryPoints{Query: pb.NewQueryFormula(&pb.Formula{Expression: pb.NewExpressionConstant(1)})})},
		{"mmr", query(&pb.QueryPoints{Query: pb.NewQueryMMR(dense, &pb.Mmr{}), Using: pb.PtrOf("dense")})},
		{"lookup_from", query(&pb.QueryPoints{Query: pb.NewQueryNearest(dense), Using: pb.PtrOf("dense"), LookupFrom: &pb.LookupLocation{CollectionName: "x"}})},
		{"shard_key_selector", query(&pb.QueryPoints{ShardKeySelector: &pb.ShardKeySelector{}})},
		{"indexed_only", query(&pb.QueryPoints{Params: &pb.SearchParams{IndexedOnly: pb.PtrOf(true)}})},
		{"match text", filter(pb.NewMatchText("a", "b"))},
		{"match phrase", filter(pb.NewMatchPhrase("a", "b"))},
		{"match text_any", filter(pb.NewMatchTextAny("a", "b"))},
		{"geo_radius", filter(pb.NewGeoRadius("a", 1, 2, 3))},
		{"datetime_range", filter(pb.NewDatetimeRange("a", &pb.DatetimeRange{}))},
		{"values_count", filter(pb.NewValuesCount("a", &pb.ValuesCount{Gt: pb.PtrOf(uint64(1))}))},
		{"update_filter", func() error {
			_, err := client.Upsert(ctx, &pb.UpsertPoints{CollectionName: name, Points: []*pb.PointStruct{densePoint(1, 1, 0, 0, 0)}, UpdateFilter: tenantA})
			return err
		}},
		{"order_by", func() error {
			_, err := client.Scroll(ctx, &pb.ScrollPoints{CollectionName: name, OrderBy: &pb.OrderBy{Key: "a"}})
			return err
		}},
		{"FieldTypeText", func() error {
			_, err := client.CreateFieldIndex(ctx, &pb.CreateFieldIndexCollection{CollectionName: name, FieldName: "a", FieldType: pb.FieldType_FieldTypeText.Enum()})
			return err
		}},
		{"set payload under a key", func() error {
			_, err := client.SetPayload(ctx, &pb.SetPayloadPoints{CollectionName: name, Key: pb.PtrOf("a"), PointsSelector: pb.NewPointsSelector(pb.NewIDNum(1))})
			return err
		}},
		{"Facet", func() error { _, err := client.Facet(ctx, &pb.FacetCounts{CollectionName: name, Key: "a"}); return err }},
		{"UpdateBatch", func() error {
			_, err := client.UpdateBatch(ctx, &pb.UpdateBatchPoints{CollectionName: name})
			return err
		}},
		{"/qdrant.Points/Count", func() error { // a field of a protocol to come
			r := &pb.CountPoints{CollectionName: name}
			r.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 999, protowire.VarintType), 1))
			_, err := client.Count(ctx, r)
			return err
		}},
	} {
		t.Run(test.part, func(t *testing.T) { requireCode(t, test.call(), codes.Unimplemented, test.part) })
	}
	require.EqualValues(t, 5, f.count(name, nil), "nothing of it changed anything")
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	url := "http://" + startServer(t, t.TempDir(), qdrant.Options{APIKey: "right"})
	_, err := newClient(t, target{url: url}).ListCollections(t.Context())
	requireCode(t, err, codes.Unauthenticated, "Must provide an API key")
	_, err = newClient(t, target{url: url, apiKey: "wrong"}).ListCollections(t.Context())
	requireCode(t, err, codes.Unauthenticated, "Invalid API key")
	_, err = newClient(t, target{url: url, apiKey: "right"}).ListCollections(t.Context())
	require.NoError(t, err)
}

// TestLargeMessage sends more than grpc's default of 4 MB.
func TestLargeMessage(t *testing.T) {
	onEach(t, func(f fixture) {
		require.NoError(f, f.client.CreateCollection(f.ctx, &pb.CreateCollection{
			CollectionName: f.name, VectorsConfig: pb.NewVectorsConfig(&pb.VectorParams{Size: 3072, Distance: pb.Distance_Cosine}),
		}))
		points := make([]*pb.PointStruct, 512)
		for i := range points {
			vector := make([]float32, 3072)
			vector[i] = 1
			points[i] = &pb.PointStruct{Id: pb.NewIDNum(uint64(i)), Vectors: pb.NewVectorsDense(vector)}
		}
		f.upsert(f.name, points...)
		require.EqualValues(f, 512, f.count(f.name, nil))
		query := make([]float32, 3072)
		query[77] = 1
		ids, scores := f.query(&pb.QueryPoints{Query: pb.NewQueryDense(query), Limit: pb.PtrOf(uint64(1))})
		require.Equal(f, []uint64{77}, ids, "the unnamed vector")
		require.InDelta(f, 1, scores[0], 1e-6)
	})
}
