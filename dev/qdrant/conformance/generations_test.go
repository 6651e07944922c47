package conformance

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/vector"
	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
)

// nextDims is the other model's length.
const nextDims = 4

func (f adapterFixture) generations(index *vector.Index) chatconnect.Generations {
	f.Helper()
	generations, err := index.RefreshGenerations(f.ctx)
	require.NoError(f, err)
	return generations
}

// names lists the fixture's collections.
func (f adapterFixture) names() (names []string) {
	f.Helper()
	all, err := f.client.ListCollections(f.ctx)
	require.NoError(f, err)
	for _, name := range all {
		if strings.HasPrefix(name, f.prefix) {
			names = append(names, name)
		}
	}
	return names
}

// TestReindexOfAnIndex walks through a change of the model as a reindex does,
// with two processes: one set up with the old model, one with the new.
func TestReindexOfAnIndex(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		f.index = f.open(f.model)
		client, document := newTenant(), newDocument()
		revision := chatconnect.Revision{DocumentID: document, Version: 1}
		f.upsert(client, indexed(document, 1, 0, "the price of tea", axis(0, 0)), indexed(document, 1, 1, "the price of milk", axis(1, 0)))
		a := f.active()
		require.Equal(f, chatconnect.Generation{Collection: f.collection(), Model: f.model, Dimensions: dims}, a)
		require.Empty(f, f.index.Notice())

		// A process of the new model goes on with the old one's index, and says so.
		var logged bytes.Buffer
		other, err := vector.New(f.ctx, vector.Options{
			URL: f.to.url, APIKey: f.to.apiKey, Prefix: f.prefix, Model: "other", Dimensions: nextDims,
			Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		})
		require.NoError(f, err)
		defer func() { require.NoError(f, other.Close()) }()
		require.Equal(f, chatconnect.Generations{Active: a}, f.generations(other))
		f.generations(other)
		require.Contains(f, other.Notice(), "built with "+f.model)
		require.Equal(f, 1, strings.Count(logged.String(), "chatconnect reindex"), "it says so once")
		require.Equal(f, []string{f.collection()}, f.names(), "nothing is created by the way")
		found, err := other.Search(f.ctx, client, chatconnect.SearchQuery{Text: "tea", Vector: axis(0, 0), Generation: a, Limit: 1})
		require.NoError(f, err)
		require.Equal(f, "the price of tea", found[0].Content)
		found, err = other.Search(f.ctx, client, chatconnect.SearchQuery{Text: "milk", Generation: a, Limit: 1})
		require.NoError(f, err)
		require.Equal(f, "the price of milk", found[0].Content, "without the old model's embedder by words")

		// Begun, and begun again after it was ended.
		b, err := other.StartNext(f.ctx, "other", nextDims, "1")
		require.NoError(f, err)
		again, err := other.StartNext(f.ctx, "other", nextDims, "2")
		require.NoError(f, err)
		require.Equal(f, b, again)
		require.Equal(f, chatconnect.Generations{Active: a, Next: &b}, f.generations(f.index))
		f.requireCount(0, client, revision)
		lacking, err := other.Missing(f.ctx, client, b, revision, 0, 2)
		require.NoError(f, err)
		require.Equal(f, []int{0, 1}, lacking)
		require.NoError(f, other.Upsert(f.ctx, client, b, []chatconnect.IndexedChunk{indexed(document, 1, 1, "the price of milk", []float32{0, 1, 0, 0})}))
		lacking, err = other.Missing(f.ctx, client, b, revision, 0, 2)
		require.NoError(f, err)
		require.Equal(f, []int{0}, lacking)
		require.NoError(f, other.Upsert(f.ctx, client, b, []chatconnect.IndexedChunk{indexed(document, 1, 0, "the price of tea", nil)}))
		f.requireCount(2, client, revision)
		n, err := f.index.CountClient(f.ctx, client)
		require.NoError(f, err)
		require.Equal(f, 4, n, "in both")

		// What is deleted is deleted everywhere, what is removed in one.
		gone := chatconnect.Revision{DocumentID: newDocument(), Version: 1}
		for _, g := range []chatconnect.Generation{a, b} {
			require.NoError(f, f.index.Upsert(f.ctx, client, g, []chatconnect.IndexedChunk{indexed(gone.DocumentID, 1, 0, "x", nil), indexed(gone.DocumentID, 1, 1, "y", nil)}))
		}
		require.NoError(f, f.index.Remove(f.ctx, client, b, gone, 0, 1))
		f.requireCount(1, client, gone)
		n, err = f.index.CountIn(f.ctx, client, a, gone)
		require.NoError(f, err)
		require.Equal(f, 2, n)
		require.NoError(f, f.index.DeleteDocument(f.ctx, client, gone.DocumentID))
		n, err = f.index.CountDocument(f.ctx, client, gone.DocumentID)
		require.NoError(f, err)
		require.Zero(f, n)

		// Switched, twice as after a lost answer; the old one lives on for a while.
		for range 2 {
			require.NoError(f, other.SwitchToNext(f.ctx, b))
		}
		require.Equal(f, chatconnect.Generations{Active: b, Previous: &a}, f.generations(f.index))
		f.generations(other)
		require.Empty(f, other.Notice())
		require.NotEmpty(f, f.index.Notice())
		require.ErrorIs(f, f.index.SwitchToNext(f.ctx, a), chatconnect.ErrGenerationGone)
		for range 2 {
			require.NoError(f, other.DropPrevious(f.ctx))
		}
		require.Equal(f, []string{b.Collection}, f.names())
		_, err = f.index.Search(f.ctx, client, chatconnect.SearchQuery{Text: "tea", Vector: axis(0, 0), Generation: a, Limit: 1})
		require.ErrorIs(f, err, chatconnect.ErrGenerationGone)
		require.Equal(f, b, f.active(), "and from then on it knows")
		f.requireCount(2, client, revision)
	})
}

func TestAbandonedGenerations(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		f.index = f.open(f.model)
		a := f.active()
		b, err := f.index.StartNext(f.ctx, "other", nextDims, "1")
		require.NoError(f, err)
		require.NoError(f, f.index.DropNext(f.ctx, a), "not the one being built: left alone")
		require.Len(f, f.names(), 2)
		c, err := f.index.StartNext(f.ctx, "third", nextDims, "1")
		require.NoError(f, err)
		require.Equal(f, chatconnect.Generations{Active: a, Next: &c}, f.generations(f.index))
		require.NotContains(f, f.names(), b.Collection, "another model's is removed")
		require.ErrorIs(f, f.index.SwitchToNext(f.ctx, b), chatconnect.ErrGenerationGone)
		for range 2 {
			require.NoError(f, f.index.DropNext(f.ctx, c))
		}
		require.Equal(f, chatconnect.Generations{Active: a}, f.generations(f.index))
		require.Equal(f, []string{a.Collection}, f.names())
	})
}

// TestUnknownCollections: a StartNext that is cut off between its two steps
// leaves a collection that no alias names.
func TestUnknownCollections(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		f.index = f.open(f.model)
		a := f.active()
		next, err := f.index.StartNext(f.ctx, "other", nextDims, "1")
		require.NoError(f, err)
		require.NoError(f, f.index.DropUnknown(f.ctx, "other", nextDims, "1"))
		require.Equal(f, chatconnect.Generations{Active: a, Next: &next}, f.generations(f.index), "it is known")
		require.NoError(f, f.client.DeleteAlias(f.ctx, f.prefix+"_chunks_next"))
		require.Len(f, f.names(), 2)
		require.NoError(f, f.index.DropUnknown(f.ctx, "other", nextDims, "2"), "another run's")
		require.Len(f, f.names(), 2)
		for range 2 {
			require.NoError(f, f.index.DropUnknown(f.ctx, "other", nextDims, "1"))
		}
		require.Equal(f, []string{a.Collection}, f.names())
	})
}

// TestCollectionWithoutMetadata is one that was made by hand, or before
// collections had any.
func TestCollectionWithoutMetadata(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		require.NoError(f, f.client.CreateCollection(f.ctx, &pb.CreateCollection{
			CollectionName: f.collection(),
			VectorsConfig:  pb.NewVectorsConfigMap(map[string]*pb.VectorParams{"dense": {Size: dims, Distance: pb.Distance_Cosine}}),
			SparseVectorsConfig: pb.NewSparseVectorsConfig(map[string]*pb.SparseVectorParams{
				"bm25": {Modifier: pb.Modifier_Idf.Enum()},
			}),
		}))
		require.Equal(f, f.model, f.active().Model)
		require.Equal(f, "some-model", f.generations(f.open("other")).Active.Model, "as far as the name tells")
	})
}
