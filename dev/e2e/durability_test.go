package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
)

// stores are a stopped process's databases, opened to look into.
type stores struct {
	t        testing.TB
	postgres *pgx.Conn
	qdrant   *qdrant.Client
}

func lookInto(t testing.TB, home string) *stores {
	t.Helper()
	settings := stacktest.Private(t, home)
	connection, err := pgx.Connect(t.Context(), settings["MIGRATE_DATABASE_URL"])
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	var host string
	var port int
	_, err = fmt.Sscanf(strings.Replace(settings["QDRANT_URL"], ":", " ", 2), "http //%s %d", &host, &port)
	require.NoError(t, err, settings["QDRANT_URL"])
	client, err := qdrant.NewClient(&qdrant.Config{Host: host, Port: port, SkipCompatibilityCheck: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return &stores{t, connection, client}
}

func (s *stores) count(query string, args ...any) int {
	s.t.Helper()
	var n int
	require.NoError(s.t, s.postgres.QueryRow(s.t.Context(), query, args...).Scan(&n))
	return n
}

// points counts a document's points over all collections.
func (s *stores) points(document chatconnect.DocumentID) int {
	s.t.Helper()
	collections, err := s.qdrant.ListCollections(s.t.Context())
	require.NoError(s.t, err)
	total := 0
	for _, collection := range collections {
		n, err := s.qdrant.Count(s.t.Context(), &qdrant.CountPoints{
			CollectionName: collection, Exact: qdrant.PtrOf(true),
			Filter: &qdrant.Filter{Must: []*qdrant.Condition{qdrant.NewMatch("document_id", string(document))}},
		})
		require.NoError(s.t, err)
		total += int(n)
	}
	return total
}

// TestKilledWhileIngesting is the product's promise: kill -9 of everything in
// the middle of an ingestion, and the document becomes ready with exactly its
// chunks in the index.
func TestKilledWhileIngesting(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	p := startProcess(t, newHome(t), settings...)
	shop := newTenant(t, p.url, chatconnect.TierFree)

	// The provider takes some batches and then stops answering, so that the
	// kill certainly hits some batches stored, some under way, some not begun.
	arrived := make(chan struct{}, 1000)
	remove := models.OnRequest(func(fakemodel.Request) { arrived <- struct{}{} })
	document := shop.upload(inventory())[0]
	const answered = 12
	for range answered {
		wait(t, arrived)
	}
	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, Endpoint: fakemodel.EndpointEmbeddings}}}))
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		return seen[document.ID].ChunksDone > 0
	})
	remove()
	p.kill()
	before := len(models.Requests())

	require.NoError(t, models.Set(fakemodel.Knobs{}))
	p = p.restart()
	shop.base = p.url
	shop.logIn()
	ready := shop.settle(document)[0]
	require.Equal(t, chatconnect.StatusReady, ready.Status, "%+v", ready.Error)
	require.Equal(t, 5000, ready.ChunksTotal)
	require.Equal(t, 5000, ready.ChunksDone)
	require.Less(t, len(models.Requests())-before, 5000/64+8, "batches that were done are not embedded again")
	require.Contains(t, shop.ask(questions[4].question).Text, questions[4].answer)
	p.interrupt()

	s := lookInto(t, p.home)
	require.Equal(t, 5000, s.points(document.ID))
	require.Equal(t, 5000, s.count("select count(*) from chunks where document_id = $1", string(document.ID)))
}

// TestKilledWhileAnswering kills everything while a visitor reads; the answer
// is completed after the restart, and logged once.
func TestKilledWhileAnswering(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	p := startProcess(t, newHome(t), settings...)
	shop := newTenant(t, p.url, chatconnect.TierFree)
	shop.learn(fixture(t, "handbook.pdf"))

	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, AfterTokens: 3, Endpoint: fakemodel.EndpointChat}}}))
	body := shop.chatBody(questions[0].question)
	body["messageId"] = "m-1"
	reading := shop.stream(body)
	require.Equal(t, chatconnect.EventToken, reading.next())
	p.kill()
	for event := reading.next(); event != ""; event = reading.next() {
		require.Equal(t, chatconnect.EventToken, event, "what was on its way when the connection broke")
	}

	require.NoError(t, models.Set(fakemodel.Knobs{}))
	p = p.restart()
	url := fmt.Sprintf("%s/chat/stream?messageId=m-1&sessionId=%s", p.url, body["sessionId"])
	resumed := openStream(t, "GET", url, shop.PublishableKey, nil, reading.lastID)
	resumed.text = reading.text
	resumed.finish()
	require.Empty(t, resumed.failure)
	require.Positive(t, resumed.starts, "the text of the attempt that died is replaced")
	require.Contains(t, resumed.text, questions[0].answer)
	require.Equal(t, "handbook.pdf", resumed.sources[0].Name)

	// The log follows the answer; the workflow's result follows the log.
	shop.base = p.url
	whole := shop.post("/chat", body, "x-api-key", shop.PublishableKey).is(200)
	var answer chatconnect.Answer
	whole.into(&answer)
	require.Equal(t, resumed.text, answer.Text)
	p.interrupt()

	s := lookInto(t, p.home)
	require.Equal(t, 1, s.count("select count(*) from chat_logs"))
	require.Equal(t, 1, s.count("select count(*) from chat_logs where status = 'answered' and answer = $1", resumed.text))
}

// TestSecondStartIsRefused: two processes on one state would corrupt it.
func TestSecondStartIsRefused(t *testing.T) {
	t.Parallel()
	p := startProcess(t, newHome(t))
	output, err := runDev(t, p.home)
	require.Error(t, err)
	require.Contains(t, output, fmt.Sprint(p.command.Process.Pid), "it names who is running")
	p.interrupt()
}

func wait(t testing.TB, signal <-chan struct{}) {
	t.Helper()
	select {
	case <-signal:
	case <-time.After(patience):
		t.Fatal("nothing happened")
	}
}
