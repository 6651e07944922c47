package activities

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// library is a store of documents, an index of which only ids are kept, and an
// embedder that counts. It is enough to see what a batch does to an index; the
// real ones are used in dev/qdrant/conformance and dev/e2e.
type library struct {
	chatconnect.DocumentStore
	documents map[chatconnect.DocumentID]chatconnect.Document
	chunks    map[chatconnect.DocumentID]int
	points    map[chatconnect.DocumentID][]int
	texts     []string
	onEmbed   func()
	err       error
}

// libraryIndex is its index.
type libraryIndex struct {
	chatconnect.VectorIndex
	l *library
}

func newLibrary() *library {
	return &library{
		documents: map[chatconnect.DocumentID]chatconnect.Document{
			"a": {Name: "a.txt", Status: chatconnect.StatusReady, ActiveVersion: 1},
			"b": {Name: "b.txt", Status: chatconnect.StatusReady, ActiveVersion: 2},
		},
		chunks: map[chatconnect.DocumentID]int{"a": 4, "b": 3},
		points: map[chatconnect.DocumentID][]int{}, onEmbed: func() {},
	}
}

func (l *library) Document(_ context.Context, _ chatconnect.ClientID, id chatconnect.DocumentID) (chatconnect.Document, error) {
	document, ok := l.documents[id]
	if !ok {
		return document, chatconnect.ErrNotFound
	}
	return document, nil
}

func (l *library) Chunks(_ context.Context, _ chatconnect.ClientID, r chatconnect.Revision, from, to int) (chunks []chatconnect.Chunk, _ error) {
	for i := from; i < min(to, l.chunks[r.DocumentID]); i++ {
		chunks = append(chunks, chatconnect.Chunk{DocumentID: r.DocumentID, Version: r.Version, Index: i, Content: string(r.DocumentID)})
	}
	return chunks, nil
}

func (x libraryIndex) Missing(_ context.Context, _ chatconnect.ClientID, _ chatconnect.Generation, r chatconnect.Revision, from, to int) (missing []int, _ error) {
	for i := from; i < to; i++ {
		if !slices.Contains(x.l.points[r.DocumentID], i) {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

func (x libraryIndex) Upsert(_ context.Context, _ chatconnect.ClientID, _ chatconnect.Generation, chunks []chatconnect.IndexedChunk) error {
	for _, chunk := range chunks {
		if len(chunk.Vector) != 1 || chunk.DocumentName != x.l.documents[chunk.Chunk.DocumentID].Name && x.l.documents[chunk.Chunk.DocumentID].Name != "" {
			return chatconnect.Errorf(chatconnect.KindInvalid, "test", "chunk %+v", chunk)
		}
		x.l.points[chunk.Chunk.DocumentID] = append(x.l.points[chunk.Chunk.DocumentID], chunk.Chunk.Index)
	}
	return nil
}

func (x libraryIndex) Remove(_ context.Context, _ chatconnect.ClientID, _ chatconnect.Generation, r chatconnect.Revision, from, to int) error {
	x.l.points[r.DocumentID] = slices.DeleteFunc(x.l.points[r.DocumentID], func(i int) bool { return i >= from && i < to })
	return nil
}

func (l *library) Embedder(string, int) (chatconnect.Embedder, error) { return l, l.err }
func (*library) Model() string                                        { return "new" }
func (*library) Dimensions() int                                      { return 1 }
func (*library) Embedded(chatconnect.Completion)                      {}
func (l *library) Embed(_ context.Context, _ chatconnect.ClientID, texts []string) (chatconnect.Embedding, error) {
	l.texts = append(l.texts, texts...)
	l.onEmbed()
	e := chatconnect.Embedding{Tokens: len(texts), Paid: len(texts)}
	for range texts {
		e.Vectors = append(e.Vectors, []float32{1})
	}
	return e, nil
}

func (l *library) batch(t *testing.T) (*temporal.ReindexBatchResult, error) {
	t.Helper()
	a := &Reindex{Documents: l, Index: libraryIndex{l: l}, Embedders: l, Metrics: l, Logger: slog.New(slog.DiscardHandler)}
	environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	environment.RegisterActivity(a.ReindexBatch)
	value, err := environment.ExecuteActivity(a.ReindexBatch, &temporal.ReindexBatchInput{
		ClientID: "c", Generation: chatconnect.Generation{Collection: "g", Model: "new", Dimensions: 1},
		Pieces: []temporal.ReindexPiece{
			{Revision: chatconnect.Revision{DocumentID: "a", Version: 1}, From: 0, To: 4},
			{Revision: chatconnect.Revision{DocumentID: "b", Version: 2}, From: 1, To: 3},
		},
	})
	if err != nil {
		return nil, err
	}
	var result temporal.ReindexBatchResult
	require.NoError(t, value.Get(&result))
	return &result, nil
}

func TestReindexBatchEmbedsWhatIsLacking(t *testing.T) {
	t.Parallel()
	l := newLibrary()
	l.points["a"] = []int{1, 2}
	result, err := l.batch(t)
	require.NoError(t, err)
	require.Equal(t, &temporal.ReindexBatchResult{Embedded: 4, Tokens: 4}, result)
	require.ElementsMatch(t, []int{0, 1, 2, 3}, l.points["a"])
	require.ElementsMatch(t, []int{1, 2}, l.points["b"])
	result, err = l.batch(t)
	require.NoError(t, err)
	require.Zero(t, *result, "repeating it costs nothing")
	require.Len(t, l.texts, 4)
}

// TestReindexBatchLeavesNothingOfWhatIsUnwanted has documents go before the
// batch, as after an attempt that died half-way, and while the provider is
// asked.
func TestReindexBatchLeavesNothingOfWhatIsUnwanted(t *testing.T) {
	t.Parallel()
	for name, goes := range map[string]func(l *library){
		"deleted": func(l *library) { delete(l.documents, "a"); l.chunks["a"] = 0 },
		"being deleted": func(l *library) {
			l.documents["a"] = chatconnect.Document{Status: chatconnect.StatusDeleting, ActiveVersion: 1}
		},
		"replaced": func(l *library) {
			l.documents["a"] = chatconnect.Document{Status: chatconnect.StatusReady, ActiveVersion: 2}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, during := newLibrary(), newLibrary()
			before.points["a"] = []int{0, 3}
			goes(before)
			_, err := before.batch(t)
			require.NoError(t, err)
			require.Len(t, before.texts, 2, "only the other's are embedded")
			during.onEmbed = func() { goes(during) }
			_, err = during.batch(t)
			require.NoError(t, err)
			for _, l := range []*library{before, during} {
				require.Empty(t, l.points["a"])
				require.ElementsMatch(t, []int{1, 2}, l.points["b"])
			}
		})
	}
}

// TestReindexBatchSparesWhatTheDatabaseLost has rows missing of a document that
// search is to see: its points may be all there is of it.
func TestReindexBatchSparesWhatTheDatabaseLost(t *testing.T) {
	t.Parallel()
	l := newLibrary()
	l.chunks["a"], l.points["a"] = 2, []int{0, 3}
	_, err := l.batch(t)
	require.ErrorIs(t, temporal.DecodeError(err), errChunksMissing)
	var app *sdktemporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable(), "the passes would go on for ever")
	require.Equal(t, []int{0, 3}, l.points["a"])
}

// builder knows which generations there are now.
type builder struct {
	chatconnect.IndexBuilder
	now chatconnect.Generations
	err error
}

func (b builder) RefreshGenerations(context.Context) (chatconnect.Generations, error) {
	return b.now, b.err
}

func (builder) SwitchToNext(context.Context, chatconnect.Generation) error {
	return chatconnect.ErrGenerationGone.Because(nil)
}

// TestReindexEndsWhenItsCollectionIsLost, and only then: while the aliases are
// looked at, or can't be, it goes on trying.
func TestReindexEndsWhenItsCollectionIsLost(t *testing.T) {
	t.Parallel()
	mine, other := chatconnect.Generation{Collection: "mine"}, chatconnect.Generation{Collection: "other"}
	for name, test := range map[string]struct {
		builder builder
		ends    bool
	}{
		"lost":         {builder{now: chatconnect.Generations{Active: other}}, true},
		"still built":  {builder{now: chatconnect.Generations{Active: other, Next: &mine}}, false},
		"not to know":  {builder{err: chatconnect.Errorf(chatconnect.KindUnavailable, "vector_store_unavailable", "Away.")}, false},
		"there at all": {builder{now: chatconnect.Generations{Active: mine}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &Reindex{Builder: test.builder, Logger: slog.New(slog.DiscardHandler)}
			environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
			environment.RegisterActivity(a.SwitchIndex)
			_, err := environment.ExecuteActivity(a.SwitchIndex, &temporal.ReindexPlan{To: mine})
			var app *sdktemporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, test.ends, app.NonRetryable())
		})
	}
}

// TestReindexBatchWaitsForItsModel never stores without vectors what is to be
// searched by them.
func TestReindexBatchWaitsForItsModel(t *testing.T) {
	t.Parallel()
	l := newLibrary()
	l.err = chatconnect.ErrNoEmbedder
	_, err := l.batch(t)
	var app *sdktemporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.False(t, app.NonRetryable())
	require.Empty(t, l.points)
}

// twoGenerations are an index that is being built anew.
type twoGenerations struct {
	silence
	stored map[string][]chatconnect.IndexedChunk
	gone   bool // the next one, when it is first written to
}

func (g *twoGenerations) Generations(context.Context) (chatconnect.Generations, error) {
	generations := chatconnect.Generations{Active: chatconnect.Generation{Collection: "old", Model: "old", Dimensions: 1}}
	if !g.gone {
		generations.Next = &chatconnect.Generation{Collection: "new", Model: "new", Dimensions: 1}
	}
	return generations, nil
}

func (g *twoGenerations) Upsert(_ context.Context, _ chatconnect.ClientID, generation chatconnect.Generation, chunks []chatconnect.IndexedChunk) error {
	if generation.Collection == "new" && g.stored == nil {
		g.gone = true
		return chatconnect.ErrGenerationGone
	}
	if g.stored != nil {
		g.stored[generation.Collection] = chunks
	}
	return nil
}

// only gives an embedder for one model.
type only string

func (m only) Embedder(model string, _ int) (chatconnect.Embedder, error) {
	if model != string(m) {
		return nil, chatconnect.ErrNoEmbedder
	}
	return silence{}, nil
}

func embedInto(index *twoGenerations, embedders chatconnect.Embedders) error {
	a := &Ingestion{
		Documents: &oneDocument{}, Embedders: embedders, Index: index, Progress: silence{}, Metrics: silence{}, Budgets: silence{},
		Logger: slog.New(slog.DiscardHandler),
	}
	environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	environment.RegisterActivity(a.EmbedBatch)
	_, err := environment.ExecuteActivity(a.EmbedBatch, &temporal.EmbedBatchInput{
		IngestInput: temporal.IngestInput{ClientID: "c", DocumentID: "d", Version: 1}, To: 1,
	})
	return err
}

func TestIngestionWritesToBothGenerations(t *testing.T) {
	t.Parallel()
	index := &twoGenerations{stored: map[string][]chatconnect.IndexedChunk{}}
	require.NoError(t, embedInto(index, silence{}))
	require.Len(t, index.stored["old"], 1)
	require.Len(t, index.stored["new"], 1)
	require.NotEmpty(t, index.stored["new"][0].Vector)

	require.NoError(t, embedInto(&twoGenerations{}, silence{}), "one that was given up meanwhile is no error")
}

func TestIngestionWithoutOneOfTheModels(t *testing.T) {
	t.Parallel()
	index := &twoGenerations{stored: map[string][]chatconnect.IndexedChunk{}}
	require.NoError(t, embedInto(index, only("new")))
	require.Empty(t, index.stored["old"][0].Vector, "the old one is filled for its words")
	require.NotEmpty(t, index.stored["new"][0].Vector)

	index.stored = map[string][]chatconnect.IndexedChunk{}
	err := embedInto(index, only("old"))
	var app *sdktemporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.False(t, app.NonRetryable(), "the one being built waits for a worker that has its model")
	require.NotContains(t, index.stored, "new")
}

// cutOff is a builder whose StartNext made a collection and no alias.
type cutOff struct {
	builder
	dropped *[]string
}

func (c cutOff) DropUnknown(_ context.Context, model string, dimensions int, suffix string) error {
	*c.dropped = append(*c.dropped, fmt.Sprint(model, dimensions, suffix))
	return nil
}

// TestAbandonedReindexLeavesNoUnknownCollection: nobody would find it later.
func TestAbandonedReindexLeavesNoUnknownCollection(t *testing.T) {
	t.Parallel()
	var dropped []string
	b := cutOff{builder{now: chatconnect.Generations{Active: chatconnect.Generation{Collection: "c", Model: "old", Dimensions: 1}}}, &dropped}
	a := &Reindex{Builder: b, Logger: slog.New(slog.DiscardHandler)}
	environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	environment.RegisterActivity(a.AbandonReindex)
	environment.RegisterActivityWithOptions(func(ctx context.Context) (string, error) { return suffix(ctx), nil }, activity.RegisterOptions{Name: "suffix"})
	value, err := environment.ExecuteActivity(a.AbandonReindex, &temporal.ReindexInput{Model: "new", Dimensions: 4})
	require.NoError(t, err)
	var result temporal.AbandonResult
	require.NoError(t, value.Get(&result))
	require.False(t, result.Switched)
	value, err = environment.ExecuteActivity("suffix")
	require.NoError(t, err)
	var mine string
	require.NoError(t, value.Get(&mine))
	require.NotEmpty(t, mine)
	require.Equal(t, []string{"new4" + mine}, dropped)
}
