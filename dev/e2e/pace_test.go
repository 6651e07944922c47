package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/temporal"
)

// notes makes n short files with nothing in common with any other text, so
// that no cached vector spares a call.
func notes(label string, n int) []file {
	files := make([]file, n)
	for i := range files {
		files[i] = file{fmt.Sprintf("%s-%d.txt", label, i), fmt.Appendf(nil, "%s note %d says %s.", label, i, uuid.NewString())}
	}
	return files
}

// embedCalls keeps the times and labels of the provider's calls for notes, in
// the order of their arrival. While the gate is shut, no call is answered.
type embedCalls struct {
	mu     sync.Mutex
	labels []string
	times  []time.Time
	open   func() // the gate; done at the latest when the test ends
}

func watchEmbedCalls(t testing.TB, models *fakemodel.Server, labels ...string) *embedCalls {
	t.Helper()
	gate := make(chan struct{})
	calls := &embedCalls{open: sync.OnceFunc(func() { close(gate) })}
	t.Cleanup(calls.open)
	models.OnRequest(func(r fakemodel.Request) {
		if r.Endpoint != fakemodel.EndpointEmbeddings {
			return
		}
		for _, label := range labels {
			if strings.Contains(string(r.Body), label+" note") {
				calls.mu.Lock()
				calls.labels, calls.times = append(calls.labels, label), append(calls.times, r.Time)
				calls.mu.Unlock()
			}
		}
		<-gate
	})
	return calls
}

// all waits until every document fulfils the condition.
func (c *tenant) all(documents []chatconnect.Document, fulfils func(chatconnect.Document) bool) {
	c.t.Helper()
	c.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		for _, document := range documents {
			if !fulfils(seen[document.ID]) {
				return false
			}
		}
		return true
	})
}

// queued waits until every document has a batch in the queue for embedding, or
// out of it. Its status says so a little earlier.
func (s *storage) queued(documents ...chatconnect.Document) {
	s.t.Helper()
	for _, d := range documents {
		id := temporal.IngestionWorkflowID(d.ClientID, chatconnect.Revision{DocumentID: d.ID, Version: d.Version})
		require.Eventually(s.t, func() bool {
			described, err := s.flow.DescribeWorkflowExecution(s.t.Context(), id, "")
			return err == nil && slices.ContainsFunc(described.PendingActivities, func(a *workflowpb.PendingActivityInfo) bool {
				return a.ActivityType.Name == "EmbedBatch"
			})
		}, patience, 10*time.Millisecond, "%s never embeds", id)
	}
}

func embedding(document chatconnect.Document) bool {
	return document.Status == chatconnect.StatusEmbedding
}

// TestOneDocumentOvertakesAnothersPile: a tenant's pile waits for the
// embedding provider, another tenant's single file arrives last and is
// embedded among the next.
func TestOneDocumentOvertakesAnothersPile(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{EmbedLatency: fakemodel.Duration(50 * time.Millisecond)})
	calls := watchEmbedCalls(t, models, "pile", "single")
	// One at a time, so that the order of the calls is the order of the queue.
	// The gate may be shut for longer than a provider may usually keep silent.
	p := startProduct(t, append(settings, "EMBEDDING_CONCURRENCY=1", "WORKERS=1", "MODEL_TIMEOUT=10m")...)
	busy, quiet := newTenant(t, p.URL(), chatconnect.TierFree), newTenant(t, p.URL(), chatconnect.TierFree)
	const n = 40
	pile := busy.upload(notes("pile", n)...)
	busy.all(pile, embedding) // the provider holds the first, the queue the others
	single := quiet.upload(notes("single", 1)...)
	quiet.all(single, embedding)
	stores := p.storage(t)
	stores.queued(pile...)
	stores.queued(single...)
	calls.open()

	require.Equal(t, chatconnect.StatusReady, quiet.settle(single...)[0].Status)
	for _, document := range busy.settle(pile...) {
		require.Equal(t, chatconnect.StatusReady, document.Status)
	}
	calls.mu.Lock()
	defer calls.mu.Unlock()
	require.GreaterOrEqual(t, len(calls.labels), n+1, "more only if an attempt was late")
	before := 0
	for calls.labels[before] != "single" {
		before++
	}
	t.Logf("%d of the pile's %d documents were embedded before the single one", before, n)
	require.LessOrEqual(t, before, n/8, "the one that came last overtakes most of the pile")
}

// TestOneDocumentOvertakesFromTheStart is the same for the whole way of a
// document: also the reading of files takes turns.
func TestOneDocumentOvertakesFromTheStart(t *testing.T) {
	t.Parallel()
	_, settings := startModels(t, fakemodel.Knobs{EmbedLatency: fakemodel.Duration(100 * time.Millisecond)})
	p := startProduct(t, append(settings, "EMBEDDING_CONCURRENCY=1", "WORKERS=1")...)
	busy, quiet := newTenant(t, p.URL(), chatconnect.TierFree), newTenant(t, p.URL(), chatconnect.TierFree)
	const n = 50
	pile := busy.upload(notes("pile", n)...)
	single := quiet.upload(notes("single", 1)...)
	require.Equal(t, chatconnect.StatusReady, quiet.settle(single...)[0].Status)
	waiting := p.count(t, `select count(*) from documents where client_id = $1 and status <> 'ready'`, string(busy.ID)) // at one moment
	t.Logf("%d of the pile's %d documents were still waiting when the single one was ready", waiting, n)
	require.GreaterOrEqual(t, waiting, n/2)
	busy.settle(pile...)
}

// TestPace: however many documents wait and however many may be embedded at
// once, the provider sees no more calls a second than were set, and a question
// is answered meanwhile.
func TestPace(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	calls := watchEmbedCalls(t, models, "paced")
	calls.open()
	const rate, n = 5, 40
	// The last call is answered when the question has been: not before, however
	// long that takes.
	answered := make(chan struct{})
	asked := sync.OnceFunc(func() { close(answered) })
	t.Cleanup(asked)
	var begun atomic.Int32
	models.OnRequest(func(r fakemodel.Request) {
		if strings.Contains(string(r.Body), "paced note") && begun.Add(1) == n {
			<-answered
		}
	})
	p := startProduct(t, append(settings, fmt.Sprintf("EMBEDDING_BATCHES_PER_SECOND=%d", rate), "EMBEDDING_CONCURRENCY=16", "MODEL_TIMEOUT=10m")...)
	shop := newTenant(t, p.URL(), chatconnect.TierFree)
	shop.learn(file{"tea.txt", []byte("Tea is served at four.")})
	documents := shop.upload(notes("paced", n)...)
	require.Contains(t, shop.ask("When is tea served?").Text, "four", "it does not wait for the pile")
	asked()
	for _, document := range shop.settle(documents...) {
		require.Equal(t, chatconnect.StatusReady, document.Status)
	}
	calls.mu.Lock()
	defer calls.mu.Unlock()
	made := len(calls.times)
	require.GreaterOrEqual(t, made, n, "more only if an attempt was late")
	took := calls.times[made-1].Sub(calls.times[0])
	t.Logf("%d calls within %s", made, took)
	// A full bucket lets as many as a second's worth through at once, and what
	// was let through may arrive together, late.
	require.GreaterOrEqual(t, took, time.Second*time.Duration(made-4*rate)/rate)
}
