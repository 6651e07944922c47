package conformance

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/dev/qdrant"
	"github.com/chatconnect/chatconnect/internal/vector"
	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
)

// cpuTime is what this process has used, client and server together: unlike
// the time that passes, it says something on a machine that is busy.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

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
			before := cpuTime(b)
			for i := 0; b.Loop(); i++ {
				hits, err := client.Query(b.Context(), &pb.QueryPoints{
					CollectionName: "bench", Query: pb.NewQueryDense(query), Filter: test.filter(i), WithPayload: pb.NewWithPayload(true),
				})
				if err != nil || len(hits) != 10 {
					b.Fatal(len(hits), err)
				}
			}
			b.ReportMetric((cpuTime(b)-before).Seconds()*1e3/float64(b.N), "cpu-ms/op")
		})
	}
}

// BenchmarkAdapterSearch measures what a question costs: 20 tenants of 1,000
// chunks of 300 words, 1,536 dimensions, hybrid.
func BenchmarkAdapterSearch(b *testing.B) {
	const (
		tenants   = 20
		perTenant = 1000
		size      = 1536
	)
	index, err := vector.New(b.Context(), vector.Options{
		URL: "http://" + startServer(b, b.TempDir(), qdrant.Options{}), Model: "bench", Dimensions: size,
	})
	require.NoError(b, err)
	defer func() { _ = index.Close() }()
	generations, err := index.Generations(b.Context())
	require.NoError(b, err)
	random := rand.New(rand.NewPCG(7, 7))
	words := rand.NewZipf(random, 1.1, 5, 30_000)
	text := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprint("w", words.Uint64())
		}
		return strings.Join(list, " ")
	}
	embed := func() []float32 {
		v := make([]float32, size)
		for i := range v {
			v[i] = float32(random.NormFloat64())
		}
		return v
	}
	clients := make([]chatconnect.ClientID, tenants)
	for i := range clients {
		clients[i] = newTenant()
		document := newDocument()
		var chunks []chatconnect.IndexedChunk
		for chunk := range perTenant {
			chunks = append(chunks, indexed(document, 1, chunk, text(300), embed()))
		}
		require.NoError(b, index.Upsert(b.Context(), clients[i], generations.Active, chunks))
	}
	inactive := []chatconnect.Revision{{DocumentID: newDocument(), Version: 1}}
	query := chatconnect.SearchQuery{Text: text(10), Vector: embed(), Generation: generations.Active, Limit: 5, Inactive: inactive}
	before := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		found, err := index.Search(b.Context(), clients[i%tenants], query)
		if err != nil || len(found) != 5 {
			b.Fatal(len(found), err)
		}
	}
	b.ReportMetric((cpuTime(b)-before).Seconds()*1e3/float64(b.N), "cpu-ms/op")
}
