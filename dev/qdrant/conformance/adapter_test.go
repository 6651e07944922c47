package conformance

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/dev/qdrant"
	"github.com/chatconnect/chatconnect/internal/vector"
	"github.com/google/uuid"
	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const dims = 8

// adapterFixture is an Index in a collection of its own.
type adapterFixture struct {
	*testing.T
	ctx      context.Context
	index    *vector.Index
	client   *pb.Client // beside the adapter
	to       target
	prefix   string
	model    string
	searches *atomic.Int64
}

func (f adapterFixture) collection() string { return vector.CollectionName(f.prefix, f.model, dims) }

func adapterOnEach(t *testing.T, test func(f adapterFixture)) {
	t.Helper()
	t.Parallel()
	for _, to := range targets(t) {
		t.Run(to.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			f := adapterFixture{T: t, ctx: ctx, to: to, client: newClient(t, to), prefix: unique(), model: "some/model", searches: &atomic.Int64{}}
			f.index = f.open(f.model)
			defer func() { _ = f.client.DeleteCollection(ctx, f.collection()) }()
			test(f)
		})
	}
}

func (f adapterFixture) open(model string) *vector.Index {
	f.Helper()
	index, err := vector.New(f.ctx, vector.Options{
		URL: f.to.url, APIKey: f.to.apiKey, Prefix: f.prefix, Model: model, Dimensions: dims,
		OnSearch: func(time.Duration) { f.searches.Add(1) },
	})
	require.NoError(f, err)
	f.Cleanup(func() { _ = index.Close() })
	return index
}

// active is the generation that is searched.
func (f adapterFixture) active() chatconnect.Generation {
	f.Helper()
	generations, err := f.index.Generations(f.ctx)
	require.NoError(f, err)
	return generations.Active
}

func newTenant() chatconnect.ClientID     { return chatconnect.ClientID(uuid.NewString()) }
func newDocument() chatconnect.DocumentID { return chatconnect.DocumentID(uuid.NewString()) }

// axis is the unit vector of a dimension, leaning a little towards the next.
func axis(i int, lean float64) []float32 {
	v := make([]float32, dims)
	v[i%dims] = float32(math.Cos(lean))
	v[(i+1)%dims] = float32(math.Sin(lean))
	return v
}

func indexed(document chatconnect.DocumentID, version, i int, content string, v []float32) chatconnect.IndexedChunk {
	return chatconnect.IndexedChunk{
		Chunk:        chatconnect.Chunk{DocumentID: document, Version: version, Index: i, Content: content, Page: i + 1},
		DocumentName: "handbook.pdf",
		Vector:       v,
	}
}

func (f adapterFixture) upsert(client chatconnect.ClientID, chunks ...chatconnect.IndexedChunk) {
	f.Helper()
	require.NoError(f, f.index.Upsert(f.ctx, client, f.active(), chunks))
}

func (f adapterFixture) search(client chatconnect.ClientID, q chatconnect.SearchQuery) []chatconnect.Passage {
	f.Helper()
	if q.Limit == 0 {
		q.Limit = 5
	}
	q.Generation = f.active()
	passages, err := f.index.Search(f.ctx, client, q)
	require.NoError(f, err)
	return passages
}

func (f adapterFixture) requireCount(want int, client chatconnect.ClientID, r chatconnect.Revision) {
	f.Helper()
	n, err := f.index.Count(f.ctx, client, r)
	require.NoError(f, err)
	require.Equal(f, want, n)
}

func TestSearchFindsByMeaningAndByWord(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		client, document := newTenant(), newDocument()
		section := indexed(document, 1, 2, "Returns are free within 30 days.", axis(2, 0))
		section.Chunk.Section, section.Chunk.Row = "Orders > Returns", 7
		f.upsert(client,
			indexed(document, 1, 0, "Delivery takes three days.", axis(0, 0)),
			indexed(document, 1, 1, "The warranty number is QX-7741.", axis(1, 0)),
			section,
		)
		// By vector and word alike.
		found := f.search(client, chatconnect.SearchQuery{Text: "How do returns work?", Vector: axis(2, 0.1)})
		require.Equal(f, chatconnect.Passage{
			DocumentID: document, Version: 1, DocumentName: "handbook.pdf", ChunkIndex: 2, Content: "Returns are free within 30 days.",
			Page: 3, Row: 7, Section: "Orders > Returns", Score: found[0].Score, Similarity: found[0].Similarity, Lexical: found[0].Lexical,
		}, found[0])
		require.InDelta(f, 1, found[0].Score, 1e-9, "first in both rankings")
		require.InDelta(f, math.Cos(0.1), found[0].Similarity, 1e-5)
		require.Positive(f, found[0].Lexical)

		// By a word only, though the vector points elsewhere: its similarity is
		// known nevertheless.
		found = f.search(client, chatconnect.SearchQuery{Text: "qx 7741", Vector: axis(0, 0), Limit: 2})
		var contents []string
		for _, p := range found {
			contents = append(contents, p.Content)
			if p.ChunkIndex == 1 {
				require.InDelta(f, 0, p.Similarity, 1e-5)
				require.Positive(f, p.Lexical)
			}
		}
		require.Contains(f, contents, "The warranty number is QX-7741.")

		// Nothing fits: the rank score is as good as ever, the others are not.
		found = f.search(client, chatconnect.SearchQuery{Text: "football results", Vector: axis(6, 0)})
		require.NotEmpty(f, found)
		for _, p := range found {
			require.Zero(f, p.Lexical)
			require.Less(f, p.Similarity, 0.01)
		}
		// Words that say nothing: by vector alone.
		found = f.search(client, chatconnect.SearchQuery{Text: "what is the ...?", Vector: axis(1, 0), Limit: 1})
		require.Equal(f, 1, found[0].ChunkIndex)
		require.EqualValues(f, 4, f.searches.Load(), "one round trip each")
	})
}

// TestLexicalHitIsRescored has more chunks than dense candidates, so that the
// lexical hit is not among them.
func TestLexicalHitIsRescored(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		client, document := newTenant(), newDocument()
		var chunks []chatconnect.IndexedChunk
		for i := range 30 {
			chunks = append(chunks, indexed(document, 1, i, "filler", axis(0, 0.01*float64(i))))
		}
		chunks = append(chunks, indexed(document, 1, 30, "zanzibar", axis(0, 1.2)))
		f.upsert(client, chunks...)
		found := f.search(client, chatconnect.SearchQuery{Text: "Zanzibar", Vector: axis(0, 0), Limit: 3})
		require.Len(f, found, 3)
		for _, p := range found {
			if p.Content == "zanzibar" {
				require.InDelta(f, math.Cos(1.2), p.Similarity, 1e-5)
				return
			}
		}
		f.Fatal("the lexical hit is missing")
	})
}

func TestTenantsNeverSeeEachOther(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		document := newDocument() // even with the same document id
		tenants := []chatconnect.ClientID{newTenant(), newTenant(), newTenant()}
		for i, client := range tenants {
			f.upsert(client, indexed(document, 1, 0, fmt.Sprintf("secret of tenant%d shared word", i), axis(i, 0)))
		}
		for i, client := range tenants {
			for j := range tenants { // ask exactly for the other's passage
				found := f.search(client, chatconnect.SearchQuery{Text: fmt.Sprintf("tenant%d shared", j), Vector: axis(j, 0), Limit: 100})
				require.Len(f, found, 1)
				require.Contains(f, found[0].Content, fmt.Sprintf("tenant%d", i))
			}
		}
		revision := chatconnect.Revision{DocumentID: document, Version: 1}
		require.NoError(f, f.index.DeleteDocument(f.ctx, tenants[0], document))
		require.NoError(f, f.index.DeleteRevision(f.ctx, tenants[0], revision))
		require.NoError(f, f.index.DeleteClient(f.ctx, tenants[0]))
		f.requireCount(0, tenants[0], revision)
		f.requireCount(1, tenants[1], revision)
		f.requireCount(1, tenants[2], revision)

		for _, nobody := range []chatconnect.ClientID{"", "*", tenants[1] + " "} {
			_, err := f.index.Search(f.ctx, nobody, chatconnect.SearchQuery{Text: "shared", Vector: axis(0, 0), Limit: 5})
			require.Equal(f, "vector_client_missing", chatconnect.AsError(err).Code)
			require.Error(f, f.index.DeleteClient(f.ctx, nobody))
			require.Error(f, f.index.DeleteDocument(f.ctx, nobody, document))
			require.Error(f, f.index.Upsert(f.ctx, nobody, f.active(), nil))
			_, err = f.index.Count(f.ctx, nobody, revision)
			require.Error(f, err)
		}
		f.requireCount(1, tenants[1], revision)
	})
}

func TestInactiveRevisionsAreUnseen(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		client, first, second := newTenant(), newDocument(), newDocument()
		f.upsert(client,
			indexed(first, 1, 0, "old price", axis(0, 0)),
			indexed(first, 2, 0, "new price", axis(0, 0.1)),
			indexed(second, 1, 0, "other price", axis(0, 0.2)),
		)
		visible := func(inactive ...chatconnect.Revision) (contents []string) {
			for _, p := range f.search(client, chatconnect.SearchQuery{Text: "price", Vector: axis(0, 0), Inactive: inactive}) {
				contents = append(contents, p.Content)
			}
			return contents
		}
		require.ElementsMatch(f, []string{"old price", "new price", "other price"}, visible())
		require.ElementsMatch(f, []string{"old price", "other price"}, visible(chatconnect.Revision{DocumentID: first, Version: 2}))
		require.ElementsMatch(f, []string{"new price"}, visible(chatconnect.Revision{DocumentID: first, Version: 1}, chatconnect.Revision{DocumentID: second, Version: 1}))
	})
}

func TestUpsertIsIdempotentAndDeletesAreExact(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		client, document, other := newTenant(), newDocument(), newDocument()
		var chunks []chatconnect.IndexedChunk
		for version := 1; version <= 2; version++ {
			for i := range 300 { // more than one request
				chunks = append(chunks, indexed(document, version, i, fmt.Sprintf("chunk %d", i), axis(i, 0)))
			}
		}
		for range 3 {
			f.upsert(client, chunks...)
		}
		f.upsert(client, indexed(other, 1, 0, "other", axis(0, 0)))
		one, two := chatconnect.Revision{DocumentID: document, Version: 1}, chatconnect.Revision{DocumentID: document, Version: 2}
		f.requireCount(300, client, one)
		f.requireCount(300, client, two)

		require.NoError(f, f.index.DeleteRevision(f.ctx, client, one))
		require.NoError(f, f.index.DeleteRevision(f.ctx, client, one))
		f.requireCount(0, client, one)
		f.requireCount(300, client, two)

		f.upsert(client, chunks[:300]...)
		require.NoError(f, f.index.DeleteDocument(f.ctx, client, document))
		f.requireCount(0, client, one)
		f.requireCount(0, client, two)
		f.requireCount(1, client, chatconnect.Revision{DocumentID: other, Version: 1})

		require.NoError(f, f.index.DeleteClient(f.ctx, client))
		f.requireCount(0, client, chatconnect.Revision{DocumentID: other, Version: 1})
		require.Empty(f, f.search(client, chatconnect.SearchQuery{Text: "chunk", Vector: axis(0, 0)}))
	})
}

func TestWrongDimensions(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		client := newTenant()
		err := f.index.Upsert(f.ctx, client, f.active(), []chatconnect.IndexedChunk{indexed(newDocument(), 1, 0, "x", []float32{1, 2})})
		require.Equal(f, "vector_dimensions", chatconnect.AsError(err).Code)
		_, err = f.index.Search(f.ctx, client, chatconnect.SearchQuery{Text: "x", Vector: []float32{1}, Generation: f.active(), Limit: 1})
		require.Equal(f, "vector_dimensions", chatconnect.AsError(err).Code)
	})
}

func TestEnsureCollectionRacesAndRecovers(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		var group errgroup.Group
		for range 6 { // as many processes
			index := f.open(f.model)
			group.Go(func() error { return index.EnsureCollection(f.ctx) })
		}
		require.NoError(f, group.Wait())
		require.NoError(f, f.index.EnsureCollection(f.ctx))
		info, err := f.client.GetCollectionInfo(f.ctx, f.collection())
		require.NoError(f, err)
		require.Len(f, info.GetPayloadSchema(), 3)
		require.True(f, info.GetPayloadSchema()["client_id"].GetParams().GetKeywordIndexParams().GetIsTenant())

		// Gone under a running process: the next call makes it again. Whoever
		// looks for the generation afterwards may be the next.
		known := f.active()
		require.NoError(f, f.client.DeleteCollection(f.ctx, f.collection()))
		client, document := newTenant(), newDocument()
		chunk := indexed(document, 1, 0, "back", axis(0, 0))
		require.ErrorIs(f, f.index.Upsert(f.ctx, client, known, []chatconnect.IndexedChunk{chunk}), chatconnect.ErrGenerationGone)
		f.upsert(client, chunk)
		f.requireCount(1, client, chatconnect.Revision{DocumentID: document, Version: 1})
	})
}

func TestForeignCollectionIsRefused(t *testing.T) {
	adapterOnEach(t, func(f adapterFixture) {
		require.NoError(f, f.client.CreateCollection(f.ctx, hybrid(f.collection()))) // of 4 dimensions
		err := f.index.EnsureCollection(f.ctx)
		require.Equal(f, "vector_store_error", chatconnect.AsError(err).Code)
		require.ErrorContains(f, err, "8 dimensions")
	})
}

func requireUnavailable(t *testing.T, err error) {
	t.Helper()
	e := chatconnect.AsError(err)
	require.Equal(t, chatconnect.KindUnavailable, e.Kind, "%v", err)
	require.Equal(t, "vector_store_unavailable", e.Code)
}

// reservePort takes a port that nobody listens on and nobody else can take:
// who connects to it is refused. listen begins to listen.
func reservePort(t *testing.T) (address string, listen func() net.Listener) {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	file := os.NewFile(uintptr(socket), "reserved")
	t.Cleanup(func() { _ = file.Close() })
	require.NoError(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := syscall.Getsockname(socket)
	require.NoError(t, err)
	return fmt.Sprint("127.0.0.1:", bound.(*syscall.SockaddrInet4).Port), func() net.Listener {
		require.NoError(t, syscall.Listen(socket, syscall.SOMAXCONN))
		listener, err := net.FileListener(file) // has a copy of the socket
		require.NoError(t, err)
		require.NoError(t, file.Close())
		return listener
	}
}

// TestServerDownAndBack opens the index before there is a server.
func TestServerDownAndBack(t *testing.T) {
	t.Parallel()
	address, listen := reservePort(t)
	index, err := vector.New(t.Context(), vector.Options{URL: "http://" + address, Model: "m", Dimensions: dims})
	require.NoError(t, err, "New does not need the server")
	defer func() { require.NoError(t, index.Close()) }()
	client, document := newTenant(), newDocument()
	chunk := indexed(document, 1, 0, "text", axis(0, 0))
	requireUnavailable(t, index.Ping(t.Context()))
	requireUnavailable(t, index.EnsureCollection(t.Context()))
	g := chatconnect.Generation{Collection: vector.CollectionName(vector.DefaultPrefix, "m", dims), Model: "m", Dimensions: dims}
	requireUnavailable(t, index.Upsert(t.Context(), client, g, []chatconnect.IndexedChunk{chunk}))
	_, err = index.Search(t.Context(), client, chatconnect.SearchQuery{Text: "x", Vector: axis(0, 0), Generation: g, Limit: 1})
	requireUnavailable(t, err)
	requireUnavailable(t, index.DeleteClient(t.Context(), client))

	server, err := qdrant.Open(t.TempDir(), qdrant.Options{})
	require.NoError(t, err)
	lis := listen()
	go func() { _ = server.Serve(lis) }()
	// Each connection of the pool finds out for itself.
	require.Eventually(t, func() bool {
		_, err := index.Generations(t.Context())
		return err == nil && index.Upsert(t.Context(), client, g, []chatconnect.IndexedChunk{chunk}) == nil
	}, patience, 20*time.Millisecond, "a server that is back is not used")
	require.NoError(t, server.Close())
	requireUnavailable(t, index.Upsert(t.Context(), client, g, []chatconnect.IndexedChunk{chunk}))
}

func TestContextEndsACall(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // connects and never answers
	require.NoError(t, err)
	defer func() { _ = mute.Close() }()
	index, err := vector.New(t.Context(), vector.Options{URL: "http://" + mute.Addr().String(), Model: "m", Dimensions: dims})
	require.NoError(t, err)
	defer func() { _ = index.Close() }()
	// New can't have waited for an answer: it has not even connected.
	first, err := net.Dial("tcp", mute.Addr().String())
	require.NoError(t, err)
	defer func() { _ = first.Close() }()
	accepted, err := mute.Accept()
	require.NoError(t, err)
	defer func() { _ = accepted.Close() }()
	require.Equal(t, first.LocalAddr().String(), accepted.RemoteAddr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = index.Search(ctx, newTenant(), chatconnect.SearchQuery{Text: "x", Vector: axis(0, 0), Generation: chatconnect.Generation{Collection: "c", Dimensions: dims}, Limit: 1})
	require.ErrorIs(t, err, context.DeadlineExceeded, "the caller's end is told as such")
}

func TestWrongKeyIsUnavailable(t *testing.T) {
	t.Parallel()
	address := startServer(t, t.TempDir(), qdrant.Options{APIKey: "right"})
	for key, ok := range map[string]bool{"right": true, "wrong": false, "": false} {
		index, err := vector.New(t.Context(), vector.Options{URL: "http://" + address, APIKey: key, Model: "m", Dimensions: dims})
		require.NoError(t, err)
		if err := index.Ping(t.Context()); ok {
			require.NoError(t, err)
		} else {
			requireUnavailable(t, err)
		}
		require.NoError(t, index.Close())
	}
}
