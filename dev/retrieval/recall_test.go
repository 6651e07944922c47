package retrieval

import (
	"bufio"
	"cmp"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/dev/qdrant"
	"github.com/chatconnect/chatconnect/internal/llm"
	"github.com/chatconnect/chatconnect/internal/vector"
)

const (
	passagesPerAnswer = 5   // what an answer is written from
	wholeIndex        = 100 // more than there are passages
)

// question and the index of the passage that answers it.
type question struct {
	text    string
	passage int
}

// TestHybridFindsWhatEachRankingFinds measures recall@5: the share of
// questions whose passage is among the first five.
func TestHybridFindsWhatEachRankingFinds(t *testing.T) {
	t.Parallel()
	passages, questions := readAlmanac(t)
	require.GreaterOrEqual(t, len(questions), 200)
	embedder := llm.NewLocalEmbedder()
	index := openIndex(t, embedder)
	client := chatconnect.ClientID(uuid.NewString())
	vectors, err := embedder.Embed(t.Context(), "", passages)
	require.NoError(t, err)
	chunks := make([]chatconnect.IndexedChunk, len(passages))
	document := chatconnect.DocumentID(uuid.NewString())
	for i, passage := range passages {
		chunks[i] = chatconnect.IndexedChunk{
			Chunk:        chatconnect.Chunk{DocumentID: document, Version: 1, Index: i, Content: passage},
			DocumentName: "almanac.txt", Vector: vectors.Vectors[i],
		}
	}
	generations, err := index.Generations(t.Context())
	require.NoError(t, err)
	require.NoError(t, index.Upsert(t.Context(), client, generations.Active, chunks))

	asked := make([]string, len(questions))
	for i, q := range questions {
		asked[i] = q.text
	}
	asking, err := embedder.Embed(t.Context(), "", asked)
	require.NoError(t, err)
	var hybrid, dense, bm25 int
	for i, q := range questions {
		search := chatconnect.SearchQuery{Text: q.text, Vector: asking.Vectors[i], Generation: generations.Active, Limit: passagesPerAnswer}
		found, err := index.Search(t.Context(), client, search)
		require.NoError(t, err)
		// With all passages at hand, each ranking alone is a sort.
		search.Limit = wholeIndex
		all, err := index.Search(t.Context(), client, search)
		require.NoError(t, err)
		require.Len(t, all, len(passages))
		if contains(found, q.passage) {
			hybrid++
		} else {
			t.Logf("not found: %s", q.text)
		}
		if contains(firstBy(all, func(p chatconnect.Passage) float64 { return p.Similarity }), q.passage) {
			dense++
		}
		if contains(firstBy(all, func(p chatconnect.Passage) float64 { return p.Lexical }), q.passage) {
			bm25++
		}
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(len(questions)) }
	t.Logf("recall@5 over %d questions: hybrid %.1f %%, dense alone %.1f %%, BM25 alone %.1f %%",
		len(questions), share(hybrid), share(dense), share(bm25))
	require.GreaterOrEqual(t, hybrid, dense)
	require.GreaterOrEqual(t, hybrid, bm25)
}

func contains(passages []chatconnect.Passage, index int) bool {
	return slices.ContainsFunc(passages, func(p chatconnect.Passage) bool { return p.ChunkIndex == index })
}

// firstBy returns the five best by a score, of those that have one.
func firstBy(all []chatconnect.Passage, score func(chatconnect.Passage) float64) []chatconnect.Passage {
	sorted := slices.DeleteFunc(slices.Clone(all), func(p chatconnect.Passage) bool { return score(p) <= 0 })
	slices.SortStableFunc(sorted, func(a, b chatconnect.Passage) int { return cmp.Compare(score(b), score(a)) })
	return sorted[:min(passagesPerAnswer, len(sorted))]
}

func openIndex(t *testing.T, embedder chatconnect.Embedder) *vector.Index {
	t.Helper()
	server, err := qdrant.Open(t.TempDir(), qdrant.Options{})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.NoError(t, <-served)
	})
	index, err := vector.New(t.Context(), vector.Options{
		URL: "http://" + listener.Addr().String(), Model: embedder.Model(), Dimensions: embedder.Dimensions(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = index.Close() })
	return index
}

// readAlmanac reads "# name", a passage of one line, and lines of "? question".
func readAlmanac(t *testing.T) (passages []string, questions []question) {
	t.Helper()
	file, err := os.Open("testdata/almanac.txt")
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		switch line := lines.Text(); {
		case line == "", strings.HasPrefix(line, "# "):
		case strings.HasPrefix(line, "? "):
			questions = append(questions, question{text: line[2:], passage: len(passages) - 1})
		default:
			passages = append(passages, line)
		}
	}
	require.NoError(t, lines.Err())
	return passages, questions
}
