package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/chatconnect/chatconnect/dev/qdrant"
	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// snapshot is all that a client can see of a collection.
func (f fixture) snapshot() string {
	f.Helper()
	points, err := f.client.Scroll(f.ctx, &pb.ScrollPoints{
		CollectionName: f.name, Limit: pb.PtrOf(uint32(10_000)), WithPayload: pb.NewWithPayload(true), WithVectors: pb.NewWithVectors(true),
	})
	require.NoError(f, err)
	text := ""
	for _, p := range points {
		vectors := p.GetVectors().GetVectors().GetVectors()
		text += fmt.Sprint(p.GetId(), p.GetPayload(), vectors["dense"].GetDenseVector().GetData(), vectors["bm25"].GetSparseVector(), "\n")
	}
	info, err := f.client.GetCollectionInfo(f.ctx, f.name)
	require.NoError(f, err)
	aliases, err := f.client.ListAliases(f.ctx)
	require.NoError(f, err)
	_, scores := f.query(&pb.QueryPoints{Query: pb.NewQuerySparse([]uint32{10, 20, 30}, []float32{1, 1, 1}), Using: pb.PtrOf("bm25")})
	return text + fmt.Sprint(info.GetPayloadSchema(), info.GetConfig(), aliases, scores)
}

func newFixture(t *testing.T, address string) fixture {
	return fixture{T: t, client: newClient(t, target{url: "http://" + address}), name: "durable", ctx: t.Context()}
}

// history does a bit of everything that is logged.
func (f fixture) history() {
	f.Helper()
	f.library()
	f.keywordIndex("color", false)
	require.NoError(f, f.client.CreateAlias(f.ctx, "alias", f.name))
	f.upsert("alias", with(densePoint(9, 0.3, 0.7, 0.1, 0), map[string]any{"tenant": "b", "list": []any{1, "x", nil}}))
	byAlias := f
	byAlias.name = "alias"
	byAlias.keywordIndex("list", false)
	_, err := f.client.SetPayload(f.ctx, &pb.SetPayloadPoints{
		CollectionName: f.name, Wait: pb.PtrOf(true), Payload: pb.NewValueMap(map[string]any{"color": "red"}),
		PointsSelector: pb.NewPointsSelectorFilter(tenantA),
	})
	require.NoError(f, err)
	_, err = f.client.Delete(f.ctx, &pb.DeletePoints{CollectionName: f.name, Wait: pb.PtrOf(true), Points: pb.NewPointsSelector(pb.NewIDNum(2))})
	require.NoError(f, err)
	_, err = f.client.DeleteFieldIndex(f.ctx, &pb.DeleteFieldIndexCollection{CollectionName: f.name, Wait: pb.PtrOf(true), FieldName: "color"})
	require.NoError(f, err)
	f.create("passing")
	require.NoError(f, f.client.DeleteCollection(f.ctx, "passing"))
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, stop := serve(t, dir, qdrant.Options{})
	f := newFixture(t, address)
	f.history()
	before := f.snapshot()
	stop()
	for range 3 { // each time from what the last one left
		address, stop = serve(t, dir, qdrant.Options{})
		require.Equal(t, before, newFixture(t, address).snapshot())
		stop()
	}
}

func TestDirectoryIsForOneServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, process := startChild(t, dir)
	_, err := qdrant.Open(dir, qdrant.Options{})
	require.ErrorContains(t, err, "in use by another process")
	require.NoError(t, process.Process.Kill())
	_ = process.Wait()
	server, err := qdrant.Open(dir, qdrant.Options{})
	require.NoError(t, err, "the lock dies with its process")
	require.NoError(t, server.Close())
}

// TestKillLosesNothingAcknowledged kills the server while four clients upsert.
// Every acknowledged point must be there, whole, and nothing that was not sent.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const writers = 4
	acknowledged := [writers]uint64{} // batches of each writer
	for range 3 {
		address, process := startChild(t, dir)
		f := newFixture(t, address)
		if exists, err := f.client.CollectionExists(f.ctx, f.name); err != nil || !exists {
			require.NoError(t, err)
			f.create(f.name)
		}
		var total atomic.Uint64
		enough := make(chan struct{})
		group, ctx := errgroup.WithContext(t.Context())
		for w := range writers {
			client := newClient(t, target{url: "http://" + address})
			group.Go(func() error {
				for {
					batch := acknowledged[w]
					if _, err := client.Upsert(ctx, &pb.UpsertPoints{CollectionName: f.name, Wait: pb.PtrOf(true), Points: batchOf(w, batch)}); err != nil {
						return nil //nolint:nilerr // killed: this batch may or may not be there
					}
					acknowledged[w]++
					if total.Add(1) == 40 {
						close(enough)
					}
				}
			})
		}
		<-enough
		require.NoError(t, process.Process.Kill())
		_ = process.Wait()
		require.NoError(t, group.Wait())

		address, stop := serve(t, dir, qdrant.Options{})
		f = newFixture(t, address)
		for w := range writers {
			for batch := range acknowledged[w] {
				f.requireBatch(w, batch)
			}
			next := f.count(f.name, must(pb.NewMatchInt("writer", int64(w)), pb.NewMatchInt("batch", int64(acknowledged[w]))))
			require.Contains(t, []uint64{0, batchSize}, next, "a request is applied as a whole or not at all")
			require.EqualValues(t, 0, f.count(f.name, must(pb.NewMatchInt("writer", int64(w)), pb.NewRange("batch", &pb.Range{Gt: pb.PtrOf(float64(acknowledged[w]))}))))
		}
		stop()
	}
}

const batchSize = 20

func batchOf(writer int, batch uint64) []*pb.PointStruct {
	points := make([]*pb.PointStruct, batchSize)
	for i := range points {
		id := uint64(writer)<<32 | batch*batchSize + uint64(i)
		points[i] = with(densePoint(id, 1, float32(i), float32(batch), 0), map[string]any{"writer": writer, "batch": int64(batch), "i": i})
	}
	return points
}

func (f fixture) requireBatch(writer int, batch uint64) {
	f.Helper()
	points := batchOf(writer, batch)
	var ids []*pb.PointId
	for _, p := range points {
		ids = append(ids, p.GetId())
	}
	got, err := f.client.Get(f.ctx, &pb.GetPoints{CollectionName: f.name, Ids: ids, WithPayload: pb.NewWithPayload(true)})
	require.NoError(f, err)
	require.Len(f, got, len(points))
	for i, p := range got {
		require.EqualValues(f, i, p.GetPayload()["i"].GetIntegerValue())
		require.EqualValues(f, batch, p.GetPayload()["batch"].GetIntegerValue())
	}
}

// TestTornTail cuts the log in its last two records, as a kill in the middle of
// a write does: what was acknowledged before stays. (TestJournalCutAnywhere
// cuts at every byte.)
func TestTornTail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logFile := filepath.Join(dir, "points.log")
	size := func() int64 {
		info, err := os.Stat(logFile)
		require.NoError(t, err)
		return info.Size()
	}
	address, stop := serve(t, dir, qdrant.Options{})
	f := newFixture(t, address)
	f.create(f.name)
	f.upsert(f.name, densePoint(1, 1, 0, 0, 0))
	one := size()
	f.upsert(f.name, densePoint(2, 1, 0, 0, 0))
	two := size()
	f.upsert(f.name, densePoint(3, 1, 0, 0, 0))
	three := size()
	stop()
	whole, err := os.ReadFile(logFile)
	require.NoError(t, err)
	require.EqualValues(t, len(whole), three)
	for cut, want := range map[int64]uint64{one: 1, one + 1: 1, one + 13: 1, two - 1: 1, two: 2, two + 12: 2, three - 1: 2, three: 3} {
		require.Equal(t, want, pointsAfter(t, whole[:cut]), "cut at %d", cut)
	}
}

// pointsAfter opens a log, adds a point, opens it again, and returns how many
// points there were at first.
func pointsAfter(t *testing.T, log []byte) uint64 {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "points.log"), log, 0o600))
	address, stop := serve(t, dir, qdrant.Options{})
	f := newFixture(t, address)
	n := f.count(f.name, nil)
	f.upsert(f.name, densePoint(100, 1, 0, 0, 0))
	stop()
	address, stop = serve(t, dir, qdrant.Options{})
	require.Equal(t, n+1, newFixture(t, address).count(f.name, nil), "the log goes on after the cut")
	stop()
	return n
}

// TestCompaction replaces points until the log is rewritten, under searches,
// and checks that nothing but its size changes.
func TestCompaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, stop := serve(t, dir, qdrant.Options{})
	f := newFixture(t, address)
	f.history()
	before := f.snapshot()
	require.NoError(t, f.client.CreateCollection(f.ctx, &pb.CreateCollection{
		CollectionName: "churn", VectorsConfig: pb.NewVectorsConfig(&pb.VectorParams{Size: 3072, Distance: pb.Distance_Dot}),
	}))
	ctx, cancel := context.WithCancel(t.Context())
	var readers errgroup.Group
	reader := newClient(t, target{url: "http://" + address})
	readers.Go(func() error {
		for ctx.Err() == nil {
			hits, err := reader.Query(ctx, &pb.QueryPoints{CollectionName: f.name, Query: pb.NewQuery(1, 0, 0, 0), Using: pb.PtrOf("dense"), Filter: tenantA})
			if ctx.Err() == nil && (err != nil || len(hits) != 3) {
				return fmt.Errorf("%d hits, %w", len(hits), err)
			}
		}
		return nil
	})
	written, smallest := int64(0), int64(0)
	for round := 0; smallest == 0; round++ {
		points := make([]*pb.PointStruct, 256)
		for i := range points {
			vector := make([]float32, 3072)
			vector[i] = float32(round)
			points[i] = &pb.PointStruct{Id: pb.NewIDNum(uint64(i)), Vectors: pb.NewVectorsDense(vector)}
		}
		f.upsert("churn", points...)
		info, err := os.Stat(filepath.Join(dir, "points.log"))
		require.NoError(t, err)
		if info.Size() < written {
			smallest = info.Size()
		}
		written = info.Size()
		require.Less(t, round, 100, "the log is never compacted")
	}
	cancel()
	require.NoError(t, readers.Wait())
	require.Less(t, smallest, int64(8<<20))
	require.Equal(t, before, f.snapshot())
	f.upsert(f.name, densePoint(50, 1, 0, 0, 0))
	stop()

	address, stop = serve(t, dir, qdrant.Options{})
	f = newFixture(t, address)
	require.EqualValues(t, 256, f.count("churn", nil))
	_, err := f.client.Delete(f.ctx, &pb.DeletePoints{CollectionName: f.name, Wait: pb.PtrOf(true), Points: pb.NewPointsSelector(pb.NewIDNum(50))})
	require.NoError(t, err)
	require.Equal(t, before, f.snapshot())
	stop()
}
