package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/vector"
	"github.com/chatconnect/chatconnect/temporal"
)

// shardsOfFormat is how many installations share the steps of one format. A
// case waits for seconds until Temporal misses the dead worker, so they wait
// side by side.
const shardsOfFormat = 4

// TestKillMatrix kills the worker, a process of its own, at every step of the
// ingestion of every format. Another worker takes over, and in the end all
// stores hold exactly what they do after an undisturbed ingestion of the file.
func TestKillMatrix(t *testing.T) {
	t.Parallel()
	// Subtests from goroutines, not t.Parallel: they wait more than they work,
	// and -parallel is about work.
	atOnce(t, []chatconnect.FileType{chatconnect.TypePDF, chatconnect.TypeDOCX, chatconnect.TypeTXT, chatconnect.TypeCSV}, func(t *testing.T, format chatconnect.FileType) {
		began := time.Now()
		document := manual(t, format)
		undisturbed := newKillShard(t).run(t, document, "")
		require.Greater(t, undisturbed.calls, doomedBatch+1, "there is a batch between the first and the last")
		require.Len(t, undisturbed.Points, len(undisturbed.Chunks))
		require.Positive(t, undisturbed.tokens)
		require.LessOrEqual(t, undisturbed.tokens, undisturbed.paid)
		shards := make([]int, shardsOfFormat)
		for i := range shards {
			shards[i] = i
		}
		atOnce(t, shards, func(t *testing.T, number int) {
			shard := newKillShard(t)
			for i := number; i < len(doomedSteps); i += shardsOfFormat {
				t.Run(strings.ReplaceAll(doomedSteps[i], " ", "-"), func(t *testing.T) {
					end := shard.run(t, document, doomedSteps[i])
					require.LessOrEqual(t, end.calls, undisturbed.calls+end.failed, "only a batch that died is embedded again")
					require.Equal(t, undisturbed.finalState, end.finalState)
					if doomedSteps[i] == "embed answered" { // and not yet counted
						require.Less(t, end.tokens, end.paid)
						return
					}
					// A repeated batch is paid for again if the cache did not answer in
					// time. What the dead worker paid for may be missing.
					require.GreaterOrEqual(t, end.tokens, undisturbed.needed, "what was paid for is on record")
					require.LessOrEqual(t, end.tokens, end.paid, "nothing is counted twice")
				})
			}
		})
		t.Logf("%s: %d chunks, %d embedding calls, %d deaths, %v", format, len(undisturbed.Chunks), undisturbed.calls, len(doomedSteps), time.Since(began).Round(time.Second))
	})
}

// atOnce runs a subtest for each case, all at the same time.
func atOnce[T any](t *testing.T, cases []T, f func(*testing.T, T)) {
	t.Helper()
	var running sync.WaitGroup
	for _, each := range cases {
		running.Go(func() { t.Run(fmt.Sprint(each), func(t *testing.T) { f(t, each) }) })
	}
	running.Wait()
}

// killShard is an installation whose workers come and go.
type killShard struct {
	api    *product
	models *fakemodel.Server
	owner  *person
}

func newKillShard(t *testing.T) *killShard {
	t.Helper()
	models, settings := startModels(t, fakemodel.Knobs{})
	settings = append(settings, "EMBEDDING_CONCURRENCY=1") // so that one batch dies, not all of them
	api := startRoles(t, app.Roles{API: true}, append(stacktest.Environ(t), settings...))
	return &killShard{api, models, newPerson(t, api.URL()).register()}
}

// outcome is the result of an ingestion and its cost.
type outcome struct {
	finalState
	calls  int // to the provider
	paid   int // tokens of those calls
	needed int // tokens of the distinct calls, each counted once
	tokens int // on record
	failed int // attempts at a batch
}

// run ingests the file for a new client, with a worker that dies at the step
// and another that goes on; without a step there is but one worker.
func (s *killShard) run(t *testing.T, f file, step string) outcome {
	t.Helper()
	stores := s.api.storage(t)
	stores.forgetEmbeddings()
	s.models.ClearRequests()
	owner := *s.owner
	owner.t = t
	shop := owner.newClient(chatconnect.TierFree)
	var document chatconnect.Document
	if step == "" {
		document = shop.upload(f)[0]
	} else {
		doomed := startDoomed(t, s.api.environ, step)
		if step == "embed asking" {
			var asked atomic.Int32
			defer s.models.OnRequest(func(fakemodel.Request) {
				if asked.Add(1) == doomedBatch+1 {
					doomed.kill()
				}
			})()
		}
		document = shop.upload(f)[0]
		doomed.awaitDeath()
	}
	survivor := startRoles(t, app.Roles{Worker: true}, s.api.environ)
	began := time.Now()
	require.Equal(t, chatconnect.StatusReady, shop.settle(document)[0].Status)
	took := time.Since(began)
	history := s.api.history(t, temporal.IngestionWorkflowID(shop.ID, chatconnect.Revision{DocumentID: document.ID, Version: 1}))
	survivor.stop()
	t.Logf("ready %v after the worker's death", took.Round(10*time.Millisecond))
	end := outcome{finalState: stores.finalState(document), failed: failedBatches(history)}
	distinct := map[string]int{} // tokens by body
	for _, r := range s.models.Requests() {
		if r.Endpoint == fakemodel.EndpointEmbeddings {
			tokens := r.EmbeddingTokens()
			end.calls++
			end.paid += tokens
			distinct[string(r.Body)] = tokens
		}
	}
	for _, tokens := range distinct {
		end.needed += tokens
	}
	end.tokens = s.api.count(t, `select embedding_tokens::integer from ingestion_usage where document_id = $1`, string(document.ID))
	return end
}

// failedBatches counts the attempts at batches that came to nothing.
func failedBatches(history *historypb.History) int { return failedAttempts(history, "EmbedBatch") }

// failedAttempts counts the attempts at an activity that came to nothing.
func failedAttempts(history *historypb.History, activity string) int {
	wanted, failed := map[int64]bool{}, 0
	for _, event := range history.Events {
		if scheduled := event.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			wanted[event.EventId] = scheduled.ActivityType.Name == activity
		}
		if started := event.GetActivityTaskStartedEventAttributes(); started != nil && wanted[started.ScheduledEventId] {
			failed += int(started.Attempt) - 1
		}
	}
	return failed
}

// finalState is all that the stores hold of a document, without the ids and
// times in which two documents of the same content differ.
type finalState struct {
	Document, Revisions, Batches, Chunks, Usage []string // rows, in order
	Points                                      []string
	Files                                       []string
	Knowledge                                   int
}

func (s *storage) finalState(d chatconnect.Document) finalState {
	s.t.Helper()
	rows := func(query string) []string { return s.product.strings(s.t, query, string(d.ID)) }
	state := finalState{
		Document: rows(`select (to_jsonb(r) - '{id,client_id,blob_key,workflow_id,created_at,updated_at,stages}'::text[])::text
			from documents r where id = $1`),
		Revisions: rows(`select (to_jsonb(r) - '{client_id,document_id,created_at,embedding_tokens}'::text[])::text from document_revisions r where document_id = $1 order by version`),
		Batches:   rows(`select (to_jsonb(r) - '{client_id,document_id,created_at}'::text[])::text from document_batches r where document_id = $1 order by batch`),
		Chunks:    rows(`select concat_ws(' ', version, chunk_index, md5((to_jsonb(r) - '{client_id,document_id}'::text[])::text)) from chunks r where document_id = $1 order by version, chunk_index`),
		Usage: rows(`select (to_jsonb(r) - '{client_id,document_id,queued_ms,parse_ms,chunk_ms,embed_ms,total_ms,finished_at,embedding_model,embedding_tokens}'::text[])::text
			from ingestion_usage r where document_id = $1 order by version`),
		Points:    s.pointsOf(d),
		Knowledge: s.product.count(s.t, `select knowledge_version::integer from clients where id = $1`, string(d.ClientID)),
	}
	for _, path := range filesBelow(s.t, s.product.uploadDir(s.t)) {
		if _, name, found := strings.Cut(filepath.ToSlash(path), string(d.ID)+"/"); found {
			state.Files = append(state.Files, name)
		}
	}
	return state
}

// pointsOf reads the points of a document from all collections, in the order
// of their chunks, and checks that each has the id that belongs to it.
func (s *storage) pointsOf(d chatconnect.Document) []string {
	s.t.Helper()
	var points []*qdrant.RetrievedPoint
	for _, collection := range s.collections() {
		page := &qdrant.ScrollPoints{
			CollectionName: collection, Limit: qdrant.PtrOf(uint32(500)),
			Filter:      &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch("document_id", string(d.ID))}},
			WithPayload: qdrant.NewWithPayload(true), WithVectors: qdrant.NewWithVectors(true),
		}
		for more := true; more; more = page.Offset != nil {
			found, next, err := s.qdrant.ScrollAndOffset(s.t.Context(), page)
			require.NoError(s.t, err)
			points = append(points, found...)
			page.Offset = next
		}
	}
	chunkOf := func(p *qdrant.RetrievedPoint) int { return int(p.Payload["chunk_index"].GetIntegerValue()) }
	slices.SortFunc(points, func(a, b *qdrant.RetrievedPoint) int { return chunkOf(a) - chunkOf(b) })
	lines := make([]string, len(points))
	for i, p := range points {
		require.Equal(s.t, i, chunkOf(p), "each chunk has one point")
		id := vector.PointID(d.ClientID, chatconnect.Revision{DocumentID: d.ID, Version: d.Version}, i)
		require.Equal(s.t, id, p.Id.GetUuid())
		require.Equal(s.t, string(d.ClientID), p.Payload["client_id"].GetStringValue())
		require.Equal(s.t, fmt.Sprintf("%s:%d", d.ID, d.Version), p.Payload["revision"].GetStringValue())
		for _, own := range []string{"client_id", "document_id", "revision"} {
			delete(p.Payload, own)
		}
		var line strings.Builder
		for _, name := range slices.Sorted(maps.Keys(p.Payload)) {
			value := p.Payload[name] // one of its kinds; the others give their zero
			fmt.Fprintf(&line, "%s %s %d, ", name, digest(value.GetStringValue()), value.GetIntegerValue())
		}
		vectors := p.Vectors.GetVectors().GetVectors()
		for _, name := range slices.Sorted(maps.Keys(vectors)) {
			v := vectors[name]
			fmt.Fprintf(&line, "%s %s, ", name, digest(fmt.Sprint(v.GetDense().GetData(), v.GetSparse().GetIndices(), v.GetSparse().GetValues())))
		}
		lines[i] = line.String()
	}
	return lines
}

// forgetEmbeddings empties the cache of embeddings of this product's model, so
// that an ingestion asks the provider for everything.
func (s *storage) forgetEmbeddings() {
	s.t.Helper()
	c, err := config.Load(s.product.environ)
	require.NoError(s.t, err)
	keys, err := s.redis.Keys(s.t.Context(), "*:embedding:"+c.EmbeddingModel+":*").Result()
	require.NoError(s.t, err)
	if len(keys) > 0 {
		require.NoError(s.t, s.redis.Del(s.t.Context(), keys...).Err())
	}
}

// digest stands for a text in comparisons, so that differences can be read.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
