package conformance

import (
	"math"
	"testing"

	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

func hybridPoint(id uint64, tenant string, dense []float32, indices []uint32, values []float32) *pb.PointStruct {
	vectors := map[string]*pb.Vector{"dense": pb.NewVectorDense(dense)}
	if len(indices) > 0 {
		vectors["bm25"] = pb.NewVectorSparse(indices, values)
	}
	return &pb.PointStruct{Id: pb.NewIDNum(id), Vectors: pb.NewVectorsMap(vectors), Payload: pb.NewValueMap(map[string]any{"tenant": tenant})}
}

// library is a small collection whose scores can be worked out by hand.
func (f fixture) library() {
	f.Helper()
	f.create(f.name)
	f.keywordIndex("tenant", true)
	f.upsert(f.name,
		hybridPoint(1, "a", []float32{1, 0, 0, 0}, []uint32{10, 20}, []float32{1, 0.5}),
		hybridPoint(2, "a", []float32{1, 1, 0, 0}, []uint32{30}, []float32{2}),
		hybridPoint(3, "a", []float32{0, 1, 0, 0}, []uint32{20, 10}, []float32{0.25, 3}),
		hybridPoint(4, "a", []float32{-1, 0, 0, 0}, nil, nil),
		hybridPoint(5, "b", []float32{1, 0.1, 0, 0}, []uint32{10}, []float32{9}),
	)
}

func (f fixture) query(q *pb.QueryPoints) (ids []uint64, scores []float64) {
	f.Helper()
	q.CollectionName = f.name
	hits, err := f.client.Query(f.ctx, q)
	require.NoError(f, err)
	for _, h := range hits {
		ids = append(ids, h.GetId().GetNum())
		scores = append(scores, float64(h.GetScore()))
	}
	return ids, scores
}

var tenantA = must(pb.NewMatchKeyword("tenant", "a"))

func TestDenseNearest(t *testing.T) {
	onEach(t, func(f fixture) {
		f.library()
		query := pb.NewQuery(2, 0, 0, 0) // its length does not matter
		ids, scores := f.query(&pb.QueryPoints{Query: query, Using: pb.PtrOf("dense"), Filter: tenantA})
		require.Equal(f, []uint64{1, 2, 3, 4}, ids)
		require.InDeltaSlice(f, []float64{1, math.Sqrt2 / 2, 0, -1}, scores, 1e-6)

		ids, _ = f.query(&pb.QueryPoints{Query: query, Using: pb.PtrOf("dense")})
		require.Equal(f, []uint64{1, 5, 2, 3, 4}, ids, "unfiltered")
		ids, _ = f.query(&pb.QueryPoints{Query: query, Using: pb.PtrOf("dense"), Filter: tenantA, Limit: pb.PtrOf(uint64(2)), Offset: pb.PtrOf(uint64(1))})
		require.Equal(f, []uint64{2, 3}, ids)
		ids, _ = f.query(&pb.QueryPoints{Query: query, Using: pb.PtrOf("dense"), Filter: tenantA, Offset: pb.PtrOf(uint64(50))})
		require.Empty(f, ids)
		ids, _ = f.query(&pb.QueryPoints{Query: query, Using: pb.PtrOf("dense"), Filter: tenantA, ScoreThreshold: pb.PtrOf(float32(0.5))})
		require.Equal(f, []uint64{1, 2}, ids)
		ids, _ = f.query(&pb.QueryPoints{Query: query, Using: pb.PtrOf("dense"), Filter: &pb.Filter{MustNot: []*pb.Condition{pb.NewHasID(pb.NewIDNum(1), pb.NewIDNum(5))}}})
		require.Equal(f, []uint64{2, 3, 4}, ids)
	})
}

// idf is the formula as documented, over the five points of the library.
func idf(df float64) float64 { return math.Log((5-df+0.5)/(df+0.5) + 1) }

func TestSparseNearestWithIDF(t *testing.T) {
	onEach(t, func(f fixture) {
		f.library()
		ids, scores := f.query(&pb.QueryPoints{Query: pb.NewQuerySparse([]uint32{20, 10, 777}, []float32{2, 1, 1}), Using: pb.PtrOf("bm25"), Filter: tenantA})
		require.Equal(f, []uint64{3, 1}, ids, "only points with a common dimension")
		// Dimension 10 is in points 1, 3 and 5: the whole collection counts.
		require.InDeltaSlice(f, []float64{3*idf(3) + 2*0.25*idf(2), 1*idf(3) + 2*0.5*idf(2)}, scores, 1e-5)
	})
}

func TestIDFFollowsDeletes(t *testing.T) {
	onEach(t, func(f fixture) {
		f.library()
		f.upsert(f.name, hybridPoint(6, "b", []float32{1, 0, 0, 0}, []uint32{30}, []float32{1}))
		// Replaced and moved to another dimension, then brought back.
		f.upsert(f.name, hybridPoint(2, "a", []float32{1, 1, 0, 0}, []uint32{40}, []float32{2}))
		ids, scores := f.query(&pb.QueryPoints{Query: pb.NewQuerySparse([]uint32{30}, []float32{1}), Using: pb.PtrOf("bm25")})
		require.Equal(f, []uint64{6}, ids)
		require.InDelta(f, math.Log((6-1+0.5)/(1+0.5)+1), scores[0], 1e-5, "one of six points has it now")
		f.upsert(f.name, hybridPoint(2, "a", []float32{1, 1, 0, 0}, []uint32{30}, []float32{2}))
		ids, _ = f.query(&pb.QueryPoints{Query: pb.NewQuerySparse([]uint32{30}, []float32{1}), Using: pb.PtrOf("bm25")})
		require.Equal(f, []uint64{2, 6}, ids)
	})
}

func prefetches(filter *pb.Filter) []*pb.PrefetchQuery {
	return []*pb.PrefetchQuery{
		{Query: pb.NewQuery(0, 1, 0, 0), Using: pb.PtrOf("dense"), Filter: filter, Limit: pb.PtrOf(uint64(3))},
		{Query: pb.NewQuerySparse([]uint32{10}, []float32{1}), Using: pb.PtrOf("bm25"), Filter: filter, Limit: pb.PtrOf(uint64(3))},
	}
}

func TestReciprocalRankFusion(t *testing.T) {
	onEach(t, func(f fixture) {
		f.library()
		// dense: 3, 2, then 1 or 4 (both 0); bm25: 3, 1.
		ids, scores := f.query(&pb.QueryPoints{Prefetch: prefetches(tenantA), Query: pb.NewQueryFusion(pb.Fusion_RRF), Limit: pb.PtrOf(uint64(1))})
		require.Equal(f, []uint64{3}, ids)
		require.InDeltaSlice(f, []float64{1.0/2 + 1.0/2}, scores, 1e-6)

		two := []*pb.PrefetchQuery{
			{Query: pb.NewQuery(0.1, 1, 0, 0), Using: pb.PtrOf("dense"), Filter: tenantA, Limit: pb.PtrOf(uint64(3))},
			{Query: pb.NewQuerySparse([]uint32{10}, []float32{1}), Using: pb.PtrOf("bm25"), Filter: tenantA, Limit: pb.PtrOf(uint64(3))},
		}
		// dense: 3, 2, 1; bm25: 3, 1.
		ids, scores = f.query(&pb.QueryPoints{Prefetch: two, Query: pb.NewQueryFusion(pb.Fusion_RRF)})
		require.Equal(f, []uint64{3, 1, 2}, ids)
		require.InDeltaSlice(f, []float64{1.0/2 + 1.0/2, 1.0/4 + 1.0/3, 1.0 / 3}, scores, 1e-6)

		ids, scores = f.query(&pb.QueryPoints{Prefetch: two, Query: pb.NewQueryRRF(&pb.Rrf{K: pb.PtrOf(uint32(60))})})
		require.Equal(f, []uint64{3, 1, 2}, ids)
		require.InDeltaSlice(f, []float64{2.0 / 60, 1.0/62 + 1.0/61, 1.0 / 61}, scores, 1e-6)

		// The outer filter holds for the prefetches.
		unfiltered := prefetches(nil)
		ids, _ = f.query(&pb.QueryPoints{Prefetch: unfiltered, Query: pb.NewQueryFusion(pb.Fusion_RRF), Filter: tenantA})
		require.NotContains(f, ids, uint64(5))
		require.Equal(f, uint64(3), ids[0])

		_, err := f.client.Query(f.ctx, &pb.QueryPoints{CollectionName: f.name, Query: pb.NewQueryFusion(pb.Fusion_RRF)})
		requireCode(f, err, codes.InvalidArgument, "")
		_, err = f.client.Query(f.ctx, &pb.QueryPoints{CollectionName: f.name, Prefetch: prefetches(nil)})
		requireCode(f, err, codes.InvalidArgument, "")
	})
}

func TestRescoring(t *testing.T) {
	onEach(t, func(f fixture) {
		f.library()
		sparse := &pb.PrefetchQuery{Query: pb.NewQuerySparse([]uint32{10}, []float32{1}), Using: pb.PtrOf("bm25"), Filter: tenantA}
		ids, scores := f.query(&pb.QueryPoints{Prefetch: []*pb.PrefetchQuery{sparse}, Query: pb.NewQuery(1, 0, 0, 0), Using: pb.PtrOf("dense"), Filter: tenantA})
		require.Equal(f, []uint64{1, 3}, ids, "only what the prefetch found, scored by the query")
		require.InDeltaSlice(f, []float64{1, 0}, scores, 1e-6)
	})
}

func TestQueryBatch(t *testing.T) {
	onEach(t, func(f fixture) {
		f.library()
		results, err := f.client.QueryBatch(f.ctx, &pb.QueryBatchPoints{CollectionName: f.name, QueryPoints: []*pb.QueryPoints{
			{CollectionName: f.name, Query: pb.NewQuery(1, 0, 0, 0), Using: pb.PtrOf("dense"), Limit: pb.PtrOf(uint64(1))},
			{CollectionName: f.name, Query: pb.NewQuerySparse([]uint32{30}, []float32{1}), Using: pb.PtrOf("bm25"), WithPayload: pb.NewWithPayload(true)},
			{CollectionName: f.name, Query: pb.NewQuerySparse([]uint32{12345}, []float32{1}), Using: pb.PtrOf("bm25")},
		}})
		require.NoError(f, err)
		require.Len(f, results, 3)
		require.Equal(f, uint64(1), results[0].GetResult()[0].GetId().GetNum())
		require.Equal(f, "a", results[1].GetResult()[0].GetPayload()["tenant"].GetStringValue())
		require.Empty(f, results[2].GetResult())

		_, err = f.client.QueryBatch(f.ctx, &pb.QueryBatchPoints{CollectionName: f.name, QueryPoints: []*pb.QueryPoints{
			{CollectionName: f.name, Query: pb.NewQuery(1, 0, 0, 0), Using: pb.PtrOf("dense")},
			{CollectionName: f.name, Query: pb.NewQuery(1, 0), Using: pb.PtrOf("dense")},
		}})
		requireCode(f, err, codes.InvalidArgument, "expected dim: 4, got 2")
	})
}

func TestQueryWithoutVector(t *testing.T) {
	onEach(t, func(f fixture) {
		f.library()
		ids, _ := f.query(&pb.QueryPoints{Limit: pb.PtrOf(uint64(3))})
		require.Equal(f, []uint64{1, 2, 3}, ids, "points by id")
	})
}
