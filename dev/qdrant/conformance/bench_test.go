package conformance

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/chatconnect/chatconnect/dev/qdrant"
	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
)

// BenchmarkSearch measures searches through gRPC over 768 dimensions: 100,000
// points of 100 tenants, filtered by tenant and not.
//
//	go test -run '^$' -bench Search ./qdrant/conformance
func BenchmarkSearch(b *testing.B) {
	const (
		tenants   = 100
		perTenant = 1000
		size      = 768
	)
	client := newClient(b, target{url: "http://" + startServer(b, b.TempDir(), qdrant.Options{})})
	require.NoError(b, client.CreateCollection(b.Context(), &pb.CreateCollection{
		CollectionName: "bench", VectorsConfig: pb.NewVectorsConfig(&pb.VectorParams{Size: size, Distance: pb.Distance_Cosine}),
	}))
	_, err := client.CreateFieldIndex(b.Context(), &pb.CreateFieldIndexCollection{
		CollectionName: "bench", FieldName: "tenant", FieldType: pb.FieldType_FieldTypeKeyword.Enum(),
		FieldIndexParams: pb.NewPayloadIndexParamsKeyword(&pb.KeywordIndexParams{IsTenant: pb.PtrOf(true)}),
	})
	require.NoError(b, err)
	random := rand.New(rand.NewPCG(7, 7))
	vector := func() []float32 {
		v := make([]float32, size)
		for i := range v {
			v[i] = float32(random.NormFloat64())
		}
		return v
	}
	// Tenants upload in turn, as they do: a tenant's points do not arrive side
	// by side.
	for round := range tenants * perTenant / 500 {
		points := make([]*pb.PointStruct, 500)
		for i := range points {
			id := round*500 + i
			points[i] = &pb.PointStruct{
				Id: pb.NewIDNum(uint64(id)), Vectors: pb.NewVectorsDense(vector()),
				Payload: pb.NewValueMap(map[string]any{"tenant": fmt.Sprint("t", id%tenants), "revision": fmt.Sprint("r", id%7)}),
			}
		}
		_, err := client.Upsert(b.Context(), &pb.UpsertPoints{CollectionName: "bench", Wait: pb.PtrOf(true), Points: points})
		require.NoError(b, err)
	}
	for _, test := range []struct {
		name   string
		filter func(i int) *pb.Filter
	}{
		{"tenant", func(i int) *pb.Filter {
			return &pb.Filter{
				Must:    []*pb.Condition{pb.NewMatchKeyword("tenant", fmt.Sprint("t", i%tenants))},
				MustNot: []*pb.Condition{pb.NewMatchKeywords("revision", "r1", "r2")},
			}
		}},
		{"all", func(int) *pb.Filter { return nil }},
	} {
		b.Run(test.name, func(b *testing.B) {
			query := vector()
			for i := 0; b.Loop(); i++ {
				hits, err := client.Query(b.Context(), &pb.QueryPoints{
					CollectionName: "bench", Query: pb.NewQueryDense(query), Filter: test.filter(i), WithPayload: pb.NewWithPayload(true),
				})
				if err != nil || len(hits) != 10 {
					b.Fatal(len(hits), err)
				}
			}
		})
	}
}
