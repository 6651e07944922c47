package e2e

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/temporal"
)

func documentPath(id chatconnect.DocumentID) string { return "/api/dashboard/documents/" + string(id) }

// remove deletes a document.
func (c *tenant) remove(id chatconnect.DocumentID) chatconnect.Document {
	c.t.Helper()
	var document chatconnect.Document
	c.do(http.MethodDelete, documentPath(id), nil).is(http.StatusAccepted).into(&document)
	return document
}

// awaitDeleted runs act once the dashboard's feed is open, and waits until the
// feed says that the document is gone.
func (c *tenant) awaitDeleted(id chatconnect.DocumentID, act func()) {
	c.t.Helper()
	acted := false
	c.follow(func(message feedMessage) bool {
		c.t.Helper()
		require.Equal(c.t, c.ID, ownerOf(message))
		switch {
		case message.Type == "snapshot" && !acted:
			acted = true
			act()
		case message.Type == "snapshot": // the feed was opened again, and may have missed it
			return !slices.ContainsFunc(message.Documents, func(d chatconnect.Document) bool { return d.ID == id })
		case message.Type == "deleted" && message.DocumentID == id:
			return true
		case message.Document != nil && message.Document.ID == id:
			require.NotEqual(c.t, chatconnect.StatusReady, message.Document.Status, "it comes back")
		}
		return false
	})
}

// ownerOf is the client that a message of the feed is about.
func ownerOf(message feedMessage) chatconnect.ClientID {
	if message.Document != nil {
		return message.Document.ClientID
	}
	return message.ClientID
}

// storage is what a product's stores hold, looked at from behind.
type storage struct {
	t       testing.TB
	product *product
	qdrant  *qdrant.Client
	redis   *redis.Client
	flow    client.Client
}

func (p *product) storage(t testing.TB) *storage {
	t.Helper()
	c, err := config.Load(p.environ)
	require.NoError(t, err)
	var host string
	var port int
	_, err = fmt.Sscanf(strings.Replace(c.QdrantURL, ":", " ", 2), "http //%s %d", &host, &port)
	require.NoError(t, err, c.QdrantURL)
	s := &storage{t: t, product: p}
	s.qdrant, err = qdrant.NewClient(&qdrant.Config{Host: host, Port: port, SkipCompatibilityCheck: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.qdrant.Close() })
	options, err := redis.ParseURL(string(c.RedisURL))
	require.NoError(t, err)
	s.redis = redis.NewClient(options)
	t.Cleanup(func() { _ = s.redis.Close() })
	s.flow = dialTemporal(t, c)
	return s
}

// dialTemporal connects to the Temporal of a configuration until the test ends.
func dialTemporal(t testing.TB, c config.Config) client.Client {
	t.Helper()
	connection, err := client.Dial(client.Options{
		HostPort: c.TemporalAddress, Namespace: c.TemporalNamespace, Logger: quiet(),
		ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: patience},
	})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

// collections are the product's own. Those of other tests may go at any moment.
func (s *storage) collections() (names []string) {
	s.t.Helper()
	c, err := config.Load(s.product.environ)
	require.NoError(s.t, err)
	all, err := s.qdrant.ListCollections(s.t.Context())
	require.NoError(s.t, err)
	for _, name := range all {
		if strings.HasPrefix(name, c.QdrantPrefix+"_") {
			names = append(names, name)
		}
	}
	return names
}

func (s *storage) points(key, value string) int {
	s.t.Helper()
	total := 0
	for _, collection := range s.collections() {
		n, err := s.qdrant.Count(s.t.Context(), &qdrant.CountPoints{
			CollectionName: collection, Exact: qdrant.PtrOf(true),
			Filter: &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch(key, value)}},
		})
		require.NoError(s.t, err)
		total += int(n)
	}
	return total
}

func (s *storage) keys(id chatconnect.ClientID) int {
	s.t.Helper()
	keys, err := s.redis.Keys(s.t.Context(), "*"+string(id)+"*").Result()
	require.NoError(s.t, err)
	return len(keys)
}

func (s *storage) running(id chatconnect.ClientID) int {
	s.t.Helper()
	answer, err := s.flow.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running'"})
	require.NoError(s.t, err)
	n := 0
	for _, execution := range answer.Executions {
		if strings.Contains(execution.Execution.WorkflowId, string(id)) {
			n++
		}
	}
	return n
}

// rows counts the client's rows in every table that has any, by the catalog.
func (s *storage) rows(id chatconnect.ClientID) map[string]int {
	s.t.Helper()
	rows := map[string]int{}
	for _, table := range s.product.tenantTables(s.t) {
		column := "client_id"
		if table == "clients" {
			column = "id"
		}
		rows[table] = s.product.count(s.t, fmt.Sprintf("select count(*) from %s where %s = $1", table, column), string(id))
	}
	return rows
}

func (s *storage) ended(workflow string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	require.NoError(s.t, s.flow.GetWorkflow(ctx, workflow, "").Get(ctx, nil))
}

// ingested waits for the end of the documents' ingestion, after which no file of
// theirs comes or goes: the last is removed when they are ready already.
func (s *storage) ingested(documents ...chatconnect.Document) {
	s.t.Helper()
	for _, d := range documents {
		s.ended(temporal.IngestionWorkflowID(d.ClientID, chatconnect.Revision{DocumentID: d.ID, Version: d.Version}))
	}
}

// TestDeleteDuringIngestion deletes a document of which some batches are
// stored, some under way and some not begun; nothing is left of it anywhere.
func TestDeleteDuringIngestion(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, settings...)
	stores := product.storage(t)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	kept := shop.learn(file{"tea.txt", []byte("Tea is served at four.")})[0]

	var arrived atomic.Int32
	hanging := make(chan struct{})
	defer models.OnRequest(func(fakemodel.Request) {
		if arrived.Add(1) == 8 { // of 79, at most four at once
			assert.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, Endpoint: fakemodel.EndpointEmbeddings}}}))
			close(hanging)
		}
	})()
	document := shop.upload(inventory())[0]
	wait(t, hanging)
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		return seen[document.ID].ChunksDone > 0
	})
	require.Positive(t, stores.points("document_id", string(document.ID)))

	began := time.Now()
	shop.awaitDeleted(document.ID, func() {
		require.Equal(t, chatconnect.StatusDeleting, shop.remove(document.ID).Status)
		again := shop.do(http.MethodDelete, documentPath(document.ID), nil).status
		require.Contains(t, []int{http.StatusAccepted, http.StatusNotFound}, again, "it may be repeated")
	})
	t.Logf("gone after %v", time.Since(began))
	stores.ended(temporal.IngestionWorkflowID(shop.ID, chatconnect.Revision{DocumentID: document.ID, Version: 1}))
	stores.ended(temporal.DeleteWorkflowID(shop.ID, document.ID))
	shop.get(documentPath(document.ID)).is(http.StatusNotFound)
	require.Zero(t, stores.points("document_id", string(document.ID)))
	require.Equal(t, 1, stores.points("client_id", string(shop.ID)), "the other document's")
	for _, path := range filesBelow(t, product.uploadDir(t)) {
		require.NotContains(t, path, string(document.ID))
	}
	rows := stores.rows(shop.ID)
	require.Equal(t, 1, rows["documents"])
	require.Equal(t, 1, rows["chunks"])
	require.Zero(t, rows["document_batches"]-1)

	require.NoError(t, models.Set(fakemodel.Knobs{}))
	shop.awaitDeleted(kept.ID, func() { shop.remove(kept.ID) })
	require.Zero(t, stores.points("client_id", string(shop.ID)))
}

// TestRetryAndCancel: a document that failed is processed again on request, a
// running one stops on request, and the states in between refuse with a code.
func TestRetryAndCancel(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, settings...)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	command := func(id chatconnect.DocumentID, name string) response {
		return shop.post(documentPath(id)+"/"+name, nil)
	}

	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, Endpoint: fakemodel.EndpointEmbeddings}}}))
	document := shop.upload(file{"tea.txt", []byte("Tea is served at four.")})[0]
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		return seen[document.ID].Status == chatconnect.StatusEmbedding
	})
	require.Equal(t, "document_not_retryable", command(document.ID, "retry").is(http.StatusConflict).problem())
	command(document.ID, "cancel").is(http.StatusAccepted)
	require.Equal(t, chatconnect.StatusCancelled, shop.settle(document)[0].Status)
	command(document.ID, "cancel").is(http.StatusAccepted)
	require.Zero(t, product.count(t, "select count(*) from chunks"))

	require.NoError(t, models.Set(fakemodel.Knobs{}))
	var retried chatconnect.Document
	command(document.ID, "retry").is(http.StatusAccepted).into(&retried)
	require.Equal(t, chatconnect.StatusQueued, retried.Status)
	require.Equal(t, 1, retried.Version)
	began := time.Now()
	require.Equal(t, chatconnect.StatusReady, shop.settle(retried)[0].Status)
	t.Logf("ready %v after the retry", time.Since(began))
	require.Equal(t, "document_not_running", command(document.ID, "cancel").is(http.StatusConflict).problem())
	require.Equal(t, "document_not_retryable", command(document.ID, "retry").is(http.StatusConflict).problem())

	failed := shop.settle(append(shop.upload(fixture(t, "scanned.pdf")), shop.upload(fixture(t, "locked.pdf"))...)...)
	var all struct{ Documents []chatconnect.Document }
	shop.post("/api/dashboard/documents/retry", map[string]any{"clientId": shop.ID}).is(http.StatusAccepted).into(&all)
	require.Len(t, all.Documents, 2)
	for i, again := range shop.settle(failed...) {
		require.Equal(t, chatconnect.StatusFailed, again.Status, "the file is no better")
		require.Equal(t, failed[i].Error, again.Error)
	}
}

// TestDuplicates: one content is one document, also when it arrives many times
// at the same moment; another client's is another one.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	const times = 12
	product := startProduct(t, fmt.Sprintf("MAX_UPLOADS_PER_USER=%d", times))
	shop, other := newTenant(t, product.URL(), chatconnect.TierFree), newTenant(t, product.URL(), chatconnect.TierFree)
	type uploaded struct {
		Documents  []chatconnect.Document
		Duplicates []struct {
			Name       string
			DocumentID chatconnect.DocumentID
		}
	}
	content := []byte("Tea is served at four.")
	answers := make([]uploaded, times)
	var sending sync.WaitGroup
	for i := range times {
		sending.Go(func() {
			r := shop.tryUpload(file{fmt.Sprintf("tea-%d.txt", i), content})
			if r.status == http.StatusOK || r.status == http.StatusAccepted {
				r.into(&answers[i])
			}
		})
	}
	sending.Wait()
	fresh := 0
	for _, answer := range answers {
		require.Len(t, answer.Documents, 1)
		require.Equal(t, answers[0].Documents[0].ID, answer.Documents[0].ID)
		if len(answer.Duplicates) == 0 {
			fresh++
		}
	}
	require.Equal(t, 1, fresh)
	require.Equal(t, chatconnect.StatusReady, shop.settle(answers[0].Documents...)[0].Status)
	require.Equal(t, 1, product.count(t, "select count(*) from documents"))
	product.storage(t).ingested(answers[0].Documents...)
	require.Len(t, filesBelow(t, product.uploadDir(t)), 1)

	var mixed uploaded
	shop.tryUpload(file{"again.txt", content}, file{"new.txt", []byte("Coffee is served at five.")}).is(http.StatusAccepted).into(&mixed)
	require.Len(t, mixed.Documents, 2)
	require.Len(t, mixed.Duplicates, 1)
	require.Equal(t, "again.txt", mixed.Duplicates[0].Name)
	require.Equal(t, mixed.Documents[0].ID, mixed.Duplicates[0].DocumentID)
	require.NotEqual(t, answers[0].Documents[0].ID, other.learn(file{"tea.txt", content})[0].ID)

	shop.awaitDeleted(mixed.Documents[0].ID, func() { shop.remove(mixed.Documents[0].ID) })
	require.NotEqual(t, mixed.Documents[0].ID, shop.learn(file{"tea.txt", content})[0].ID, "what is gone is no duplicate")
}

// TestPurge deletes a client in the middle of its work and counts every store
// before and after; another client keeps everything.
func TestPurge(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, settings...)
	stores := product.storage(t)
	shop, other := newTenant(t, product.URL(), chatconnect.TierFree), newTenant(t, product.URL(), chatconnect.TierFree)
	for _, each := range []*tenant{shop, other} {
		each.learn(fixture(t, "handbook.pdf"), file{"tea.txt", []byte("Tea is served at four.")})
		answer := each.ask(questions[0].question)
		each.post("/chat/"+string(answer.MessageID)+"/feedback", map[string]any{"sessionId": string(answer.SessionID), "rating": "up"},
			"x-api-key", each.PublishableKey).is(http.StatusNoContent)
		each.post("/chat", map[string]any{"message": questions[0].question, "sessionId": "user-42"}, "x-api-key", each.PublishableKey).is(http.StatusOK)
	}
	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, Endpoint: fakemodel.EndpointEmbeddings}}}))
	under := shop.upload(inventory())[0]
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		return seen[under.ID].Status == chatconnect.StatusEmbedding
	})
	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{
		{Kind: fakemodel.FaultHang, Endpoint: fakemodel.EndpointEmbeddings}, {Kind: fakemodel.FaultHang, Endpoint: fakemodel.EndpointChat, AfterTokens: 3},
	}}))
	answering := shop.stream(shop.chatBody(questions[0].question)) // cached vector, so that it reaches the model
	require.Equal(t, chatconnect.EventToken, answering.next())
	files := func(id chatconnect.ClientID) int {
		n := 0
		for _, path := range filesBelow(t, product.uploadDir(t)) {
			if strings.Contains(path, string(id)) {
				n++
			}
		}
		return n
	}
	before, othersBefore := stores.rows(shop.ID), stores.rows(other.ID)
	for table, rows := range before {
		if table != "client_purges" {
			require.Positive(t, rows, table)
		}
	}
	points, otherPoints := stores.points("client_id", string(shop.ID)), stores.points("client_id", string(other.ID))
	require.Positive(t, points)
	require.Positive(t, files(shop.ID))
	require.Positive(t, stores.keys(shop.ID))
	// What is listed as running follows what runs.
	require.Eventually(t, func() bool { return stores.running(shop.ID) >= 2 }, patience, 20*time.Millisecond, "a document and an answer")
	t.Logf("before: rows %v, points %d, files %d, keys %d, workflows %d", before, points, files(shop.ID), stores.keys(shop.ID), stores.running(shop.ID))

	path := "/api/dashboard/clients/" + string(shop.ID)
	began := time.Now()
	shop.do(http.MethodDelete, path, nil).is(http.StatusAccepted)
	shop.post("/chat", map[string]any{"message": "Hello?"}, "x-api-key", shop.PublishableKey).is(http.StatusUnauthorized)
	shop.get(path).is(http.StatusNotFound)
	shop.tryUpload(file{"late.txt", []byte("Too late.")}).is(http.StatusNotFound)
	again := shop.do(http.MethodDelete, path, nil).status
	require.Contains(t, []int{http.StatusAccepted, http.StatusNotFound}, again, "it may be repeated")
	stores.ended(temporal.PurgeWorkflowID(shop.ID))
	t.Logf("gone after %v", time.Since(began))

	for table, rows := range stores.rows(shop.ID) {
		if table != "client_purges" {
			require.Zero(t, rows, table)
		}
	}
	require.Zero(t, stores.points("client_id", string(shop.ID)))
	require.Zero(t, files(shop.ID))
	require.Zero(t, stores.keys(shop.ID))
	require.Eventually(t, func() bool { return stores.running(shop.ID) == 0 }, patience, 20*time.Millisecond, "workflows of the deleted client go on")
	require.Equal(t, 1, product.count(t, `select count(*) from client_purges where client_id = $1 and finished_at is not null
		and user_id is not null and (removed->>'points')::int >= $2`, string(shop.ID), points), "it is on record")
	shop.do(http.MethodDelete, path, nil).is(http.StatusNotFound)

	require.NoError(t, models.Set(fakemodel.Knobs{}))
	require.Equal(t, othersBefore, stores.rows(other.ID))
	require.Equal(t, otherPoints, stores.points("client_id", string(other.ID)))
	require.Contains(t, other.ask(questions[0].question).Text, questions[0].answer)
}

// tenantTables are the tables that keep rows of clients.
func (p *product) tenantTables(t testing.TB) []string {
	t.Helper()
	return p.strings(t, `select c.relname::text from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
		and (c.relname = 'clients' or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'client_id' and not a.attisdropped))`)
}

// replace sends a new version of a document.
func (c *tenant) replace(id chatconnect.DocumentID, f file) response {
	c.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", f.name)
	require.NoError(c.t, err)
	_, err = part.Write(f.content)
	require.NoError(c.t, err)
	require.NoError(c.t, form.Close())
	return c.post(documentPath(id)+"/replace", body.Bytes(), "Content-Type", form.FormDataContentType())
}

// priceList is a document of many chunks, each of which names its edition.
func priceList(edition string) file {
	var text strings.Builder
	for i := range 400 {
		fmt.Fprintf(&text, "The warehouse of region %d stores garden chairs, and this is stated in the %s edition of the list. "+
			"Deliveries from region %d take four days and are announced by telephone, as the %s edition says.\n\n", i, edition, i, edition)
	}
	return file{edition + ".txt", []byte(text.String())}
}

// TestReplaceWhileAsking has several visitors ask without a pause while a
// document is replaced: no answer is without sources, none is from both
// versions, and nobody who had one from the new version gets the old again.
func TestReplaceWhileAsking(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	stores := product.storage(t)
	shop := newTenant(t, product.URL(), chatconnect.TierPaid)
	document := shop.learn(priceList("first"))[0]
	oldPoints := stores.points("document_id", string(document.ID))
	require.Greater(t, oldPoints, 20)

	const askers = 3
	stop, begun := make(chan struct{}), make(chan struct{}, askers)
	var asked, fresh atomic.Int32
	var asking sync.WaitGroup
	for asker := range askers {
		key := shop.secretKey() // a server's: so many questions are too many for one visitor's address, or for one key
		asking.Go(func() {
			for turn, renewed := asker, false; ; turn += askers {
				select {
				case <-stop:
					return
				default:
				}
				body := map[string]any{"message": fmt.Sprintf("What does the warehouse of region %d store?", turn%400)}
				s := openStream(t, http.MethodPost, product.URL()+"/chat/stream", key, body, 0).finish()
				var first, second int
				for _, source := range s.sources {
					switch {
					case strings.Contains(source.Snippet, "second edition"):
						second++
					case strings.Contains(source.Snippet, "first edition"):
						first++
					}
				}
				asked.Add(1)
				if !assert.Positive(t, first+second, "answer %d has no source", turn) ||
					!assert.Equal(t, len(s.sources), first+second, "answer %d has a source of no known version", turn) ||
					!assert.False(t, first > 0 && second > 0, "answer %d mixes versions: %d and %d", turn, first, second) ||
					!assert.False(t, renewed && first > 0, "answer %d is from the old version again", turn) {
					return
				}
				if second > 0 {
					renewed = true
					fresh.Add(1)
				}
				if turn/askers == 2 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range askers {
		wait(t, begun)
	}
	var queued chatconnect.Document
	shop.replace(document.ID, priceList("second")).is(http.StatusAccepted).into(&queued)
	require.Equal(t, 2, queued.Version)
	require.Equal(t, "first.txt", queued.Name, "of the version that answers")
	ready := shop.settle(queued)[0]
	require.Equal(t, chatconnect.StatusReady, ready.Status, "%+v", ready.Error)
	require.Equal(t, "second.txt", ready.Name)
	require.Equal(t, oldPoints+ready.ChunksTotal, stores.points("document_id", string(document.ID)), "the old version's points stay for searches under way")
	stores.ended(temporal.IngestionWorkflowID(shop.ID, chatconnect.Revision{DocumentID: document.ID, Version: 2}))
	close(stop)
	asking.Wait()
	require.Positive(t, fresh.Load())
	require.Greater(t, asked.Load(), fresh.Load(), "they asked before the flip, too")
	t.Logf("%d answers, %d of them from the new version", asked.Load(), fresh.Load())

	require.Equal(t, ready.ChunksTotal, stores.points("document_id", string(document.ID)))
	require.Equal(t, ready.ChunksTotal, stores.rows(shop.ID)["chunks"])
	require.Equal(t, 1, stores.rows(shop.ID)["document_revisions"])
	files := filesBelow(t, product.uploadDir(t))
	require.Len(t, files, 1)
	require.Contains(t, files[0], "/2/source")
	shop.replace(document.ID, priceList("second")).is(http.StatusOK)
}

// TestReplaceThatFailsLeavesTheOldVersion serving, whether it can't be read or
// is cancelled, and leaves nothing else behind.
func TestReplaceThatFailsLeavesTheOldVersion(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, settings...)
	stores := product.storage(t)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	document := shop.learn(file{"tea.txt", []byte("Tea is served at four.")})[0]
	other := shop.learn(file{"coffee.txt", []byte("Coffee is served at five.")})[0]
	stores.ingested(document, other)
	require.Equal(t, "document_duplicate", shop.replace(document.ID, file{"x.txt", []byte("Coffee is served at five.")}).is(http.StatusConflict).problem())

	unchanged := func(version int, code string) {
		t.Helper()
		now := shop.document(document.ID)
		require.Equal(t, chatconnect.StatusReady, now.Status)
		require.Equal(t, version, now.Version)
		require.Equal(t, "tea.txt", now.Name)
		require.Equal(t, 1, now.ChunksTotal)
		require.NotNil(t, now.Error)
		require.Equal(t, code, now.Error.Code)
		require.Equal(t, 1, stores.points("document_id", string(document.ID)))
		require.Len(t, filesBelow(t, product.uploadDir(t)), 2)
		require.Contains(t, sourceNames(shop.ask("When is tea served?").Sources), "tea.txt")
	}
	shop.replace(document.ID, fixture(t, "scanned.pdf")).is(http.StatusAccepted)
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		d := seen[document.ID]
		return d.Version == 2 && d.Status == chatconnect.StatusReady
	})
	unchanged(2, chatconnect.CodeScanned)

	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, Endpoint: fakemodel.EndpointEmbeddings}}}))
	shop.replace(document.ID, file{"late.txt", []byte("Tea is served at six.")}).is(http.StatusAccepted)
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		return seen[document.ID].Status == chatconnect.StatusEmbedding
	})
	require.Equal(t, "document_busy", shop.replace(document.ID, file{"x.txt", []byte("Again.")}).is(http.StatusConflict).problem())
	shop.post(documentPath(document.ID)+"/cancel", nil).is(http.StatusAccepted)
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		return seen[document.ID].Status == chatconnect.StatusReady
	})
	require.NoError(t, models.Set(fakemodel.Knobs{}))
	unchanged(3, "document_cancelled")

	shop.replace(document.ID, file{"new.txt", []byte("Tea is served at seven.")}).is(http.StatusAccepted)
	settled := shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		d := seen[document.ID]
		return d.Version == 4 && d.Status == chatconnect.StatusReady
	})[document.ID]
	require.Nil(t, settled.Error)
	require.Equal(t, "new.txt", settled.Name)
	shop.awaitDeleted(document.ID, func() { shop.remove(document.ID) })
	require.Equal(t, 1, stores.points("client_id", string(shop.ID)))
	require.Equal(t, other.ID, shop.document(other.ID).ID)
}

// TestCommandsAreResumed: what was noted but could not be started, because
// Temporal was away or the process died, is done by the next worker.
func TestCommandsAreResumed(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	shop, gone := newTenant(t, product.URL(), chatconnect.TierFree), newTenant(t, product.URL(), chatconnect.TierFree)
	document := shop.learn(file{"tea.txt", []byte("Tea is served at four.")})[0]
	gone.learn(file{"tea.txt", []byte("Tea is served at four.")})
	product.stop()
	product.change(t, `update documents set status = 'deleting', updated_at = now() - interval '1 minute' where id = $1`, string(document.ID))
	product.change(t, `insert into client_purges (client_id, name, requested_at) values ($1, 'Shop', now() - interval '1 minute')`, string(gone.ID))
	product.change(t, `update clients set deleting_at = now() where id = $1`, string(gone.ID))

	product = startRoles(t, app.Roles{Worker: true}, product.environ)
	stores := product.storage(t)
	for _, id := range []string{temporal.DeleteWorkflowID(shop.ID, document.ID), temporal.PurgeWorkflowID(gone.ID)} {
		require.Eventually(t, func() bool {
			_, err := stores.flow.DescribeWorkflowExecution(t.Context(), id, "")
			return err == nil
		}, patience, 20*time.Millisecond, "nothing starts %s", id)
		stores.ended(id)
	}
	require.Zero(t, stores.rows(shop.ID)["documents"])
	require.Zero(t, stores.points("client_id", string(shop.ID)))
	require.Zero(t, stores.rows(gone.ID)["clients"])
	require.Zero(t, stores.points("client_id", string(gone.ID)))
	require.Empty(t, filesBelow(t, product.uploadDir(t)))
}
