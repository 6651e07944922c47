package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/vector"
	"github.com/chatconnect/chatconnect/temporal"
)

// aModel is the name of an embedding model that no other test uses.
func aModel() string { return "embedding-" + uuid.NewString()[:8] }

// embeddedTexts counts what a provider was asked to embed with one model, of
// texts that hold a word. While the gate is shut, no such call is answered.
type embeddedTexts struct {
	mu    sync.Mutex
	calls int
	times map[string]int
	open  func()        // the gate; done at the latest when the test ends
	some  chan struct{} // closed when enough calls have come for the provider to fall silent
}

// watchModel has the provider keep silent, whatever it is asked, from the call
// on that comes after so many.
func watchModel(t testing.TB, models *fakemodel.Server, model, word string, answered int) *embeddedTexts {
	t.Helper()
	gate := make(chan struct{})
	e := &embeddedTexts{times: map[string]int{}, open: sync.OnceFunc(func() { close(gate) }), some: make(chan struct{})}
	t.Cleanup(e.open)
	models.OnRequest(func(r fakemodel.Request) {
		var body struct {
			Model string
			Input []string
		}
		if r.Endpoint != fakemodel.EndpointEmbeddings || json.Unmarshal(r.Body, &body) != nil || body.Model != model {
			return
		}
		if !slices.ContainsFunc(body.Input, func(text string) bool { return strings.Contains(text, word) }) {
			return
		}
		<-gate
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, text := range body.Input {
			if strings.Contains(text, word) {
				e.times[text]++
			}
		}
		if e.calls++; e.calls == answered {
			assert.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, Endpoint: fakemodel.EndpointEmbeddings}}}))
			close(e.some)
		}
	})
	return e
}

// count returns the calls so far, the distinct texts, and how many texts too
// many were sent.
func (e *embeddedTexts) count() (calls, texts, repeated int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, n := range e.times {
		repeated += n - 1
	}
	return e.calls, len(e.times), repeated
}

// asking puts one question after the other, each a new one about the
// inventory, until stop. Every one of them must be answered from it.
type asking struct {
	answered atomic.Int64
	wrong    chan error
	stop     func()
}

func (c *tenant) keepAsking() *asking {
	a := &asking{wrong: make(chan error, 10_000)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	a.stop = sync.OnceFunc(func() { cancel(); <-done })
	c.t.Cleanup(a.stop)
	base, key := c.base, c.secretKey() // more than one visitor may ask
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			sku := fmt.Sprintf("SKU-%05d", 1+rand.IntN(5000))
			text, err := askOnce(ctx, base, key, "What is the stock of "+sku+"?")
			switch {
			case ctx.Err() != nil:
			case err != nil:
				a.wrong <- err
			case !strings.Contains(text, sku):
				a.wrong <- fmt.Errorf("asked for %s, answered %q", sku, text)
			default:
				a.answered.Add(1)
			}
		}
	}()
	return a
}

// askOnce fails nothing by itself: it is for goroutines beside the test's.
func askOnce(ctx context.Context, base, key, question string) (string, error) {
	body, err := json.Marshal(map[string]string{"message": question})
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/chat", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Api-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var answer chatconnect.Answer
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", response.Status, content)
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return "", err
	}
	if len(answer.Sources) == 0 {
		return "", fmt.Errorf("no sources: %s", content)
	}
	return answer.Text, nil
}

func (a *asking) fine(t testing.TB) {
	t.Helper()
	select {
	case err := <-a.wrong:
		t.Fatal(err)
	default:
	}
}

// generations are the collections and aliases of a product alone.
func (s *storage) generations() (collections []string, aliases map[string]string) {
	s.t.Helper()
	c, err := config.Load(s.product.environ)
	require.NoError(s.t, err)
	collections = s.collections()
	listed, err := s.qdrant.ListAliases(s.t.Context())
	require.NoError(s.t, err)
	aliases = map[string]string{}
	for _, alias := range listed {
		if name, ours := strings.CutPrefix(alias.GetAliasName(), c.QdrantPrefix+"_"); ours {
			aliases[name] = alias.GetCollectionName()
		}
	}
	return collections, aliases
}

// pointIDs lists every point of a collection, and wantedIDs those of all
// chunks that search is to see.
func (s *storage) pointIDs(collection string) []string {
	s.t.Helper()
	var ids []string
	var from *qdrant.PointId
	for {
		page, next, err := s.qdrant.ScrollAndOffset(s.t.Context(), &qdrant.ScrollPoints{
			CollectionName: collection, Limit: qdrant.PtrOf(uint32(2000)), Offset: from, WithPayload: qdrant.NewWithPayload(false),
		})
		require.NoError(s.t, err)
		for _, point := range page {
			ids = append(ids, point.GetId().GetUuid())
		}
		if from = next; from == nil {
			return ids
		}
	}
}

func (s *storage) wantedIDs() []string {
	s.t.Helper()
	var ids []string
	for _, row := range s.product.strings(s.t, `select format('%s %s %s %s', c.client_id, c.document_id, c.version, c.chunk_index)
		from chunks c join document_revisions r using (client_id, document_id, version) where r.active`) {
		var client, document string
		var version, chunk int
		_, err := fmt.Sscan(row, &client, &document, &version, &chunk)
		require.NoError(s.t, err)
		ids = append(ids, vector.PointID(chatconnect.ClientID(client), chatconnect.Revision{DocumentID: chatconnect.DocumentID(document), Version: version}, chunk))
	}
	return ids
}

// reindexAt waits until the reindex is at one of the stages.
func (s *storage) reindexAt(stages ...temporal.ReindexStage) temporal.ReindexProgress {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	data, err := temporal.NewDataConverter("")
	require.NoError(s.t, err)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		status, err := temporal.DescribeReindex(ctx, s.flow, data)
		require.NoError(s.t, err)
		for _, stage := range stages {
			if status.Progress.Stage == stage {
				return status.Progress
			}
		}
		<-ticker.C
	}
}

// TestReindex changes the embedding model under load. Documents are found
// throughout; one that comes meanwhile is found, one that goes stays gone; the
// worker is stopped in the middle, and what was embedded is not embedded again.
func TestReindex(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	// A document that is uploaded must have a place beside the reindex, which
	// takes up eight while the provider lets it wait.
	environ := append(append(stacktest.Environ(t), settings...), "EMBEDDING_CONCURRENCY=16")
	before := startRoles(t, app.Roles{API: true, Worker: true}, environ)
	shop, other := newTenant(t, before.URL(), chatconnect.TierPaid), newTenant(t, before.URL(), chatconnect.TierFree)
	shop.learn(inventory(), fixture(t, "handbook.pdf"))
	gone := shop.learn(file{"milk.txt", []byte("Milk is delivered by Mrs Quibbleworth.")})[0]
	other.learn(file{"tea.txt", []byte("Tea is served at four.")})
	before.stop()

	model := aModel()
	const answered = 20
	embedded := watchModel(t, models, model, "Lantern", answered) // the inventory, and not questions about it
	environ = append(environ, "EMBEDDING_MODEL="+model, "EMBEDDING_DIMENSIONS=64")
	front := startRoles(t, app.Roles{API: true}, environ)
	worker := startRoles(t, app.Roles{Worker: true}, environ)
	shop.base, other.base = front.URL(), front.URL()
	shop.logIn()
	other.logIn()
	require.Contains(t, other.ask("When is tea served?").Text, "four", "nothing is lost by the change of the setting")
	require.Contains(t, string(front.health(t).body), "run `chatconnect reindex`")

	asking := shop.keepAsking()
	s := front.storage(t)
	oldCollections, _ := s.generations()
	require.Len(t, oldCollections, 1)
	run, err := temporal.StartReindex(t.Context(), s.flow, &temporal.ReindexInput{
		Model: model, Dimensions: 64, Settles: chatconnect.GenerationsAge + time.Second, Grace: chatconnect.GenerationsAge + time.Second,
	})
	require.NoError(t, err)
	s.reindexAt(temporal.ReindexSettling, temporal.ReindexEmbedding)
	other.learn(file{"coffee.txt", []byte("Coffee is served at nine.")})

	// Some batches are embedded, some under way, most not begun.
	embedded.open()
	wait(t, embedded.some)
	progress := s.reindexAt(temporal.ReindexEmbedding)
	require.Less(t, progress.ChunksDone, 5000)
	require.Greater(t, progress.ChunksTotal, 5000)
	_, aliases := s.generations()
	require.Equal(t, oldCollections[0], aliases["chunks"])
	require.NotEmpty(t, aliases["chunks_next"])
	late := shop.upload(file{"cocoa.txt", []byte("Cocoa is served at eleven.")})
	shop.awaitDeleted(gone.ID, func() { shop.remove(gone.ID) })
	asking.stop() // while no question can be embedded, and nobody works
	asking.fine(t)
	worker.stop()
	callsBefore, textsBefore, _ := embedded.count()
	require.Less(t, textsBefore, 5000)
	require.NoError(t, models.Set(fakemodel.Knobs{}))
	startRoles(t, app.Roles{Worker: true}, environ)
	again := shop.keepAsking()

	var result temporal.ReindexResult
	require.NoError(t, run.Get(t.Context(), &result))
	again.stop()
	again.fine(t)
	require.Positive(t, asking.answered.Load())
	require.Positive(t, again.answered.Load())
	require.False(t, result.InPlace)
	require.Equal(t, 64, result.To.Dimensions)
	require.Equal(t, model, result.To.Model)

	// What was done is not done again: at most what was under way at the stop.
	calls, texts, repeated := embedded.count()
	t.Logf("%d questions answered before the worker was stopped, %d after; %d provider calls for 5000 chunks, %d before the stop; %d texts sent twice",
		asking.answered.Load(), again.answered.Load(), calls, callsBefore, repeated)
	require.Equal(t, 5000, texts)
	const batch = 64
	underWay := max(8, failedAttempts(front.history(t, temporal.ReindexWorkflowID), "ReindexBatch"))
	require.LessOrEqual(t, repeated, underWay*batch)
	require.LessOrEqual(t, calls, 5000/batch+1+underWay+2, "2: batches that hold other documents too")
	require.LessOrEqual(t, result.Embedded, result.Chunks)

	require.Equal(t, chatconnect.StatusReady, shop.settle(late...)[0].Status)
	require.Contains(t, shop.ask("When is cocoa served?").Text, "eleven")
	require.Contains(t, other.ask("When is coffee served?").Text, "nine")
	require.Contains(t, other.ask("When is tea served?").Text, "four")
	require.NotContains(t, shop.ask("Who is Mrs Quibbleworth, who delivers milk?").Text, "delivered by")
	require.Zero(t, s.points("document_id", string(gone.ID)))

	collections, aliases := s.generations()
	require.Equal(t, []string{result.To.Collection}, collections)
	require.Equal(t, map[string]string{"chunks": result.To.Collection}, aliases)
	require.NotContains(t, string(front.health(t).body), "notice")
	require.ElementsMatch(t, s.wantedIDs(), s.pointIDs(result.To.Collection))
}
