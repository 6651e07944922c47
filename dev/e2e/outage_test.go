package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// outageVariable sets how long the provider keeps silent, and as long is what a
// worker then waits for an answer: E2E_HANG=60s is the product's own patience.
// Without it both are seconds; the worker's are more than a machine may stand
// still for, or calls that are answered would be given up.
const outageVariable = "E2E_HANG"

// TestProviderOutage has the embedding provider limit, fail and keep silent in
// the middle of several documents. All of them become ready, no batch is asked
// for again that had been answered, and meanwhile they say what they wait for.
func TestProviderOutage(t *testing.T) {
	t.Parallel()
	silence, timeout := 6*time.Second, 10*time.Second
	if long := os.Getenv(outageVariable); long != "" {
		var err error
		silence, err = time.ParseDuration(long)
		require.NoError(t, err)
		timeout = silence
	}
	files := []file{inventory()}
	for _, format := range []chatconnect.FileType{chatconnect.TypePDF, chatconnect.TypeDOCX, chatconnect.TypeTXT, chatconnect.TypeCSV} {
		files = append(files, manual(t, format))
	}
	undisturbed, _ := learnDuring(t, files, timeout, func(*fakemodel.Server) {})
	require.Empty(t, undisturbed.struck)

	disturbed, sentences := learnDuring(t, files, timeout, func(models *fakemodel.Server) {
		embeddings := func(faults ...fakemodel.Fault) {
			for i := range faults {
				faults[i].Endpoint = fakemodel.EndpointEmbeddings
			}
			assert.NoError(t, models.Set(fakemodel.Knobs{Faults: faults}))
		}
		const each = 5
		limit := fakemodel.Fault{Kind: fakemodel.FaultRateLimit, RetryAfter: fakemodel.Duration(2 * time.Second), Count: each}
		broken := fakemodel.Fault{Kind: fakemodel.FaultServerError, Count: each}
		// As the calls arrive: whoever looked at them from beside might come when
		// all is over.
		var mu sync.Mutex
		arrived, struck := 0, 0
		models.OnRequest(func(r fakemodel.Request) {
			mu.Lock()
			defer mu.Unlock()
			if arrived++; arrived == 10 {
				embeddings(limit, broken, limit, broken)
			}
			if r.Fault != "" {
				if struck++; struck == 4*each {
					embeddings(fakemodel.Fault{Kind: fakemodel.FaultHang, For: fakemodel.Duration(silence)})
				}
			}
		})
	})
	t.Logf("undisturbed: %d calls, %v; disturbed: %d calls, of which failed %v, %v",
		undisturbed.calls, undisturbed.took.Round(time.Millisecond), disturbed.calls, disturbed.struck, disturbed.took.Round(time.Millisecond))
	failed := 0
	for _, kind := range []string{fakemodel.FaultRateLimit, fakemodel.FaultServerError, fakemodel.FaultHang} {
		require.Positive(t, disturbed.struck[kind], kind)
		failed += disturbed.struck[kind]
	}
	require.LessOrEqual(t, disturbed.calls, undisturbed.calls+failed)
	for _, says := range []string{"rate limiting", "unavailable"} {
		sentence := regexp.MustCompile(`^The embedding provider is ` + says + `; next try at \d\d:\d\d:\d\d UTC\.$`)
		require.True(t, slices.ContainsFunc(sentences, sentence.MatchString), "%s: %q", says, sentences)
	}
}

// provided is what a provider was asked.
type provided struct {
	calls  int
	struck map[string]int // calls by the fault they met
	took   time.Duration
}

// learnDuring uploads the files at once to an installation of their own while
// disturb does something to its provider, and waits until all are ready and
// everything is where it belongs. It returns also what the documents said.
func learnDuring(t *testing.T, files []file, timeout time.Duration, disturb func(*fakemodel.Server)) (provided, []string) {
	t.Helper()
	models, settings := startModels(t, fakemodel.Knobs{EmbedLatency: fakemodel.Duration(20 * time.Millisecond)})
	product := startProduct(t, append(settings, fmt.Sprintf("MODEL_TIMEOUT=%s", timeout))...)
	stores := product.storage(t)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	disturb(models)
	began := time.Now()
	documents := shop.upload(files...)
	var sentences []string
	shop.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		for _, document := range seen {
			if !slices.Contains(sentences, document.Stage) {
				sentences = append(sentences, document.Stage)
			}
			require.NotContains(t, []chatconnect.Status{chatconnect.StatusFailed, chatconnect.StatusCancelled}, document.Status, "%+v", document.Error)
		}
		return !slices.ContainsFunc(documents, func(d chatconnect.Document) bool { return seen[d.ID].Status != chatconnect.StatusReady })
	})
	result := provided{struck: map[string]int{}, took: time.Since(began)}
	for _, document := range documents {
		ready := shop.document(document.ID)
		require.Positive(t, ready.ChunksTotal)
		require.Len(t, stores.pointsOf(document), ready.ChunksTotal, document.Name)
		require.Equal(t, 1, product.count(t, "select count(*) from ingestion_usage where document_id = $1", string(document.ID)), document.Name)
	}
	for _, r := range models.Requests() {
		if r.Endpoint == fakemodel.EndpointEmbeddings {
			result.calls++
			if r.Fault != "" {
				result.struck[r.Fault]++
			}
		}
	}
	return result, sentences
}
