package conformance

import (
	"testing"

	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

func densePoint(id uint64, vector ...float32) *pb.PointStruct {
	return &pb.PointStruct{
		Id:      pb.NewIDNum(id),
		Vectors: pb.NewVectorsMap(map[string]*pb.Vector{"dense": pb.NewVectorDense(vector)}),
	}
}

func with(p *pb.PointStruct, payload map[string]any) *pb.PointStruct {
	p.Payload = pb.NewValueMap(payload)
	return p
}

func (f fixture) upsert(collection string, points ...*pb.PointStruct) {
	f.Helper()
	result, err := f.client.Upsert(f.ctx, &pb.UpsertPoints{CollectionName: collection, Wait: pb.PtrOf(true), Points: points})
	require.NoError(f, err)
	require.Equal(f, pb.UpdateStatus_Completed, result.GetStatus())
}

func (f fixture) count(collection string, filter *pb.Filter) uint64 {
	f.Helper()
	n, err := f.client.Count(f.ctx, &pb.CountPoints{CollectionName: collection, Filter: filter, Exact: pb.PtrOf(true)})
	require.NoError(f, err)
	return n
}

// get returns the payload and dense vector of one point.
func (f fixture) get(id *pb.PointId) (map[string]*pb.Value, []float32) {
	f.Helper()
	points, err := f.client.Get(f.ctx, &pb.GetPoints{
		CollectionName: f.name, Ids: []*pb.PointId{id}, WithPayload: pb.NewWithPayload(true), WithVectors: pb.NewWithVectors(true),
	})
	require.NoError(f, err)
	require.Len(f, points, 1)
	return points[0].GetPayload(), points[0].GetVectors().GetVectors().GetVectors()["dense"].GetDenseVector().GetData()
}

func must(conditions ...*pb.Condition) *pb.Filter { return &pb.Filter{Must: conditions} }

func TestUpsertReplaces(t *testing.T) {
	onEach(t, func(f fixture) {
		f.create(f.name)
		for range 3 {
			f.upsert(f.name, with(densePoint(7, 3, 4, 0, 0), map[string]any{"a": 1, "b": "x"}), densePoint(8, 0, 0, 1, 0))
		}
		require.EqualValues(f, 2, f.count(f.name, nil))
		payload, vector := f.get(pb.NewIDNum(7))
		require.EqualValues(f, 1, payload["a"].GetIntegerValue())
		require.InDeltaSlice(f, []float32{0.6, 0.8, 0, 0}, vector, 1e-6, "cosine vectors are stored with unit length")

		f.upsert(f.name, with(densePoint(7, 0, 1, 0, 0), map[string]any{"c": true}))
		require.EqualValues(f, 2, f.count(f.name, nil))
		payload, vector = f.get(pb.NewIDNum(7))
		require.Len(f, payload, 1, "the payload is replaced, not merged")
		require.True(f, payload["c"].GetBoolValue())
		require.Equal(f, []float32{0, 1, 0, 0}, vector)
	})
}

func TestUpsertRefusals(t *testing.T) {
	onEach(t, func(f fixture) {
		f.create(f.name)
		upsert := func(p *pb.PointStruct) error {
			_, err := f.client.Upsert(f.ctx, &pb.UpsertPoints{CollectionName: f.name, Wait: pb.PtrOf(true), Points: []*pb.PointStruct{densePoint(1, 1, 0, 0, 0), p}})
			return err
		}
		requireCode(f, upsert(densePoint(2, 1, 2, 3)), codes.InvalidArgument, "Wrong input: Vector dimension error: expected dim: 4, got 3")
		requireCode(f, upsert(&pb.PointStruct{Id: pb.NewIDUUID("not-a-uuid"), Vectors: densePoint(1, 1, 0, 0, 0).Vectors}), codes.InvalidArgument, "UUID")
		requireCode(f, upsert(&pb.PointStruct{Vectors: densePoint(1, 1, 0, 0, 0).Vectors}), codes.InvalidArgument, "")
		requireCode(f, upsert(&pb.PointStruct{Id: pb.NewIDNum(3), Vectors: pb.NewVectorsMap(map[string]*pb.Vector{"other": pb.NewVector(1)})}), codes.InvalidArgument, "Not existing vector name error: other")
		requireCode(f, upsert(&pb.PointStruct{Id: pb.NewIDNum(3), Vectors: pb.NewVectorsMap(map[string]*pb.Vector{"bm25": pb.NewVectorSparse([]uint32{1, 1}, []float32{1, 2})})}), codes.InvalidArgument, "unique")
		requireCode(f, upsert(&pb.PointStruct{Id: pb.NewIDNum(3), Vectors: pb.NewVectorsMap(map[string]*pb.Vector{"bm25": pb.NewVectorSparse([]uint32{1, 2}, []float32{1})})}), codes.InvalidArgument, "same length")
		_, err := f.client.Query(f.ctx, &pb.QueryPoints{CollectionName: f.name, Query: pb.NewQuery(1, 2), Using: pb.PtrOf("dense")})
		requireCode(f, err, codes.InvalidArgument, "Vector dimension error: expected dim: 4, got 2")
		_, err = f.client.Query(f.ctx, &pb.QueryPoints{CollectionName: f.name, Query: pb.NewQuery(1, 2, 3, 4), Using: pb.PtrOf("nope")})
		requireCode(f, err, codes.InvalidArgument, "Not existing vector name error: nope")
	})
}

func TestDelete(t *testing.T) {
	onEach(t, func(f fixture) {
		f.create(f.name)
		f.keywordIndex("color", false)
		f.upsert(f.name,
			with(densePoint(1, 1, 0, 0, 0), map[string]any{"color": "red"}),
			with(densePoint(2, 1, 0, 0, 0), map[string]any{"color": "red"}),
			with(densePoint(3, 1, 0, 0, 0), map[string]any{"color": "blue"}),
			densePoint(4, 1, 0, 0, 0),
		)
		remove := func(selector *pb.PointsSelector) {
			f.Helper()
			_, err := f.client.Delete(f.ctx, &pb.DeletePoints{CollectionName: f.name, Wait: pb.PtrOf(true), Points: selector})
			require.NoError(f, err)
		}
		remove(pb.NewPointsSelector(pb.NewIDNum(4), pb.NewIDNum(99)))
		require.EqualValues(f, 3, f.count(f.name, nil))
		remove(pb.NewPointsSelectorFilter(must(pb.NewMatchKeyword("color", "red"))))
		require.EqualValues(f, 1, f.count(f.name, nil))
		f.get(pb.NewIDNum(3))
		remove(pb.NewPointsSelectorFilter(must(pb.NewMatchKeyword("color", "red"))))
		require.EqualValues(f, 1, f.count(f.name, nil))
	})
}

func TestPayloadChanges(t *testing.T) {
	onEach(t, func(f fixture) {
		f.create(f.name)
		f.keywordIndex("tenant", true)
		f.upsert(f.name,
			with(densePoint(1, 1, 0, 0, 0), map[string]any{"tenant": "a", "n": 1}),
			with(densePoint(2, 0, 1, 0, 0), map[string]any{"tenant": "a", "n": 2}),
		)
		_, err := f.client.SetPayload(f.ctx, &pb.SetPayloadPoints{
			CollectionName: f.name, Wait: pb.PtrOf(true), Payload: pb.NewValueMap(map[string]any{"n": 5, "m": "new"}),
			PointsSelector: pb.NewPointsSelector(pb.NewIDNum(1)),
		})
		require.NoError(f, err)
		payload, _ := f.get(pb.NewIDNum(1))
		require.EqualValues(f, 5, payload["n"].GetIntegerValue())
		require.Equal(f, "new", payload["m"].GetStringValue())
		require.Equal(f, "a", payload["tenant"].GetStringValue())

		// A point moves to another tenant with its vectors.
		_, err = f.client.OverwritePayload(f.ctx, &pb.SetPayloadPoints{
			CollectionName: f.name, Wait: pb.PtrOf(true), Payload: pb.NewValueMap(map[string]any{"tenant": "b"}),
			PointsSelector: pb.NewPointsSelectorFilter(must(pb.NewMatchInt("n", 2))),
		})
		require.NoError(f, err)
		payload, vector := f.get(pb.NewIDNum(2))
		require.Len(f, payload, 1)
		require.Equal(f, []float32{0, 1, 0, 0}, vector)
		for tenant, id := range map[string]uint64{"a": 1, "b": 2} {
			hits, err := f.client.Query(f.ctx, &pb.QueryPoints{
				CollectionName: f.name, Query: pb.NewQuery(1, 1, 0, 0), Using: pb.PtrOf("dense"), Filter: must(pb.NewMatchKeyword("tenant", tenant)),
			})
			require.NoError(f, err)
			require.Len(f, hits, 1)
			require.Equal(f, id, hits[0].GetId().GetNum())
		}
		_, err = f.client.SetPayload(f.ctx, &pb.SetPayloadPoints{
			CollectionName: f.name, Wait: pb.PtrOf(true), Payload: pb.NewValueMap(map[string]any{"n": 1}),
			PointsSelector: pb.NewPointsSelector(pb.NewIDNum(77)),
		})
		requireCode(f, err, codes.NotFound, "No point with id 77")
	})
}

func TestScroll(t *testing.T) {
	onEach(t, func(f fixture) {
		f.create(f.name)
		var points []*pb.PointStruct
		for i := range uint64(25) {
			points = append(points, with(densePoint(25-i, 1, 0, 0, 0), map[string]any{"even": (25-i)%2 == 0}))
		}
		last := densePoint(1, 1, 0, 0, 0)
		last.Id = pb.NewIDUUID("00000000-0000-0000-0000-000000000001") // UUIDs come after numbers
		f.upsert(f.name, append(points, last)...)

		for _, filter := range []*pb.Filter{nil, must(pb.NewMatchBool("even", true))} {
			var ids []uint64
			var offset *pb.PointId
			pages, uuids := 0, 0
			for {
				page, next, err := f.client.ScrollAndOffset(f.ctx, &pb.ScrollPoints{CollectionName: f.name, Filter: filter, Offset: offset})
				require.NoError(f, err)
				for _, p := range page {
					if p.GetId().GetUuid() != "" {
						uuids++
						continue
					}
					ids = append(ids, p.GetId().GetNum())
				}
				pages++
				if next == nil {
					break
				}
				offset = next
			}
			require.IsIncreasing(f, ids)
			if filter == nil {
				require.Len(f, ids, 25)
				require.Equal(f, 1, uuids)
				require.Equal(f, 3, pages, "the default limit is 10")
			} else {
				require.Len(f, ids, 12)
				require.Equal(f, 2, pages)
			}
		}
		_, err := f.client.Scroll(f.ctx, &pb.ScrollPoints{CollectionName: f.name, Limit: pb.PtrOf(uint32(0))})
		requireCode(f, err, codes.InvalidArgument, "")
	})
}

func TestPayloadSelectors(t *testing.T) {
	onEach(t, func(f fixture) {
		f.create(f.name)
		f.upsert(f.name, with(densePoint(1, 1, 0, 0, 0), map[string]any{"a": 1, "b": 2, "c": 3}))
		keys := func(selector *pb.WithPayloadSelector) []string {
			hits, err := f.client.Query(f.ctx, &pb.QueryPoints{CollectionName: f.name, WithPayload: selector})
			require.NoError(f, err)
			require.Len(f, hits, 1)
			var keys []string
			for key := range hits[0].GetPayload() {
				keys = append(keys, key)
			}
			return keys
		}
		require.Empty(f, keys(nil))
		require.Empty(f, keys(pb.NewWithPayload(false)))
		require.ElementsMatch(f, []string{"a", "b", "c"}, keys(pb.NewWithPayload(true)))
		require.ElementsMatch(f, []string{"a", "c"}, keys(pb.NewWithPayloadInclude("a", "c", "missing")))
		require.ElementsMatch(f, []string{"c"}, keys(pb.NewWithPayloadExclude("a", "b")))
	})
}
