package conformance

import (
	"testing"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/vector"
	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
)

// TestAuditSeesEveryPointOnce pages through the points of several clients in two
// generations, and tells whose they are.
func TestAuditSeesEveryPointOnce(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		next, err := f.index.StartNext(f.ctx, "other/model", dims, "audit")
		require.NoError(f, err)
		defer func() { require.NoError(f, f.index.DropNext(f.ctx, next)) }()
		generations, err := f.index.RefreshGenerations(f.ctx)
		require.NoError(f, err)
		require.Len(f, generations.All(), 2)

		want := map[chatconnect.IndexedRevision]int{}
		for owner := range 3 {
			client, document := newTenant(), newDocument()
			for version := 1; version <= 2; version++ {
				revision := chatconnect.Revision{DocumentID: document, Version: version}
				var chunks []chatconnect.IndexedChunk
				for i := range 3 + owner {
					chunks = append(chunks, chatconnect.IndexedChunk{
						Chunk: chatconnect.Chunk{DocumentID: document, Version: version, Index: i, Content: "tea"}, Vector: axis(i, 0),
					})
				}
				for _, g := range generations.All() {
					require.NoError(f, f.index.Upsert(f.ctx, client, g, chunks))
					want[chatconnect.IndexedRevision{ClientID: client, Revision: revision}] += len(chunks)
				}
			}
		}
		// Points that are nobody's of ours may have numbers for ids.
		for _, id := range []*pb.PointId{pb.NewIDUUID(string(newDocument())), pb.NewIDNum(7), pb.NewIDNum(8), pb.NewIDNum(9)} {
			_, err = f.client.Upsert(f.ctx, &pb.UpsertPoints{
				CollectionName: generations.Active.Collection, Wait: pb.PtrOf(true),
				Points: []*pb.PointStruct{{
					Id: id, Payload: map[string]*pb.Value{"client_id": pb.NewValueString("nobody")},
					Vectors: pb.NewVectorsMap(map[string]*pb.Vector{"dense": pb.NewVectorDense(axis(1, 0))}),
				}},
			})
			require.NoError(f, err)
			want[chatconnect.IndexedRevision{}]++
		}

		audit := vector.NewAudit(f.index)
		for _, limit := range []int{1, 7, 24, 1000} {
			got := map[chatconnect.IndexedRevision]int{}
			pages := 0
			for cursor := ""; ; pages++ {
				page, after, err := audit.ScanRevisions(f.ctx, cursor, limit)
				require.NoError(f, err)
				seen := 0
				for _, found := range page {
					seen += found.Points
					key := found
					key.Points = 0
					got[key] += found.Points
				}
				require.LessOrEqual(f, seen, limit)
				if cursor = after; cursor == "" {
					break
				}
			}
			require.Equal(f, want, got, "pages of %d", limit)
			require.Positive(f, pages, "two generations are two pages at least")
		}
	})
}

// A generation that is removed while it is looked through is passed over.
func TestAuditGoesOnWithoutAGeneration(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		next, err := f.index.StartNext(f.ctx, "a/model", dims, "gone")
		require.NoError(f, err)
		audit := vector.NewAudit(f.index)
		first, cursor, err := audit.ScanRevisions(f.ctx, "", 10)
		require.NoError(f, err)
		require.Empty(f, first)
		require.NotEmpty(f, cursor)
		require.NoError(f, f.index.DropNext(f.ctx, next))
		_, cursor, err = audit.ScanRevisions(f.ctx, next.Collection+"/", 10)
		require.NoError(f, err)
		require.Empty(f, cursor)
	})
}
