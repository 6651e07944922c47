package llm

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

func (f fake) embedder(t *testing.T, model string, dimensions int, timeouts Timeouts) chatconnect.Embedder {
	t.Helper()
	e, err := newOpenAIEmbedder("sk-test", f.url, model, dimensions, nil, NewDoer(timeouts))
	require.NoError(t, err)
	return e
}

func TestOpenAIEmbeddingsKeepTheOrder(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{}) // it answers in the reverse order
	e := f.embedder(t, "text-embedding-3-small", 64, Timeouts{})
	texts := make([]string, 600) // three requests
	want := 0
	for i := range texts {
		texts[i] = fmt.Sprintf("text\nnumber %d", i)
		want += (len(texts[i]) + 3) / 4
	}
	before := strings.Join(texts, "|")
	got, err := e.Embed(timeout(t), "c", texts)
	require.NoError(t, err)
	require.Len(t, got.Vectors, len(texts))
	for i, v := range got.Vectors {
		require.InDeltaSlice(t, fakemodel.Vector(texts[i], 64), v, 1e-6, i)
	}
	require.Equal(t, want, got.Tokens)
	require.Equal(t, before, strings.Join(texts, "|"), "the caller's texts are left alone")
	requests := f.Requests()
	require.Len(t, requests, 3)
	require.Contains(t, string(requests[0].Body), `"dimensions":64`)
	require.Contains(t, string(requests[0].Body), `text\nnumber 0`)
}

func TestOpenAIEmbedderDimensions(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{})
	e := f.embedder(t, "text-embedding-3-large", 0, Timeouts{})
	require.Equal(t, 3072, e.Dimensions())
	require.Equal(t, "text-embedding-3-large", e.Model())
	got, err := e.Embed(timeout(t), "c", []string{"hello", ""})
	require.NoError(t, err)
	require.Len(t, got.Vectors[1], 3072)
	require.NotContains(t, string(f.Requests()[0].Body), "dimensions", "ada-002 would refuse it")

	got, err = e.Embed(timeout(t), "c", nil)
	require.NoError(t, err)
	require.Empty(t, got.Vectors)

	_, err = newOpenAIEmbedder("k", f.url, "nomic-embed-text", 0, nil, NewDoer(Timeouts{}))
	require.ErrorContains(t, err, "EMBEDDING_DIMENSIONS")
}

// embeddingsServer answers with a fixed body.
func embeddingsServer(t *testing.T, body string) fake {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	t.Cleanup(web.Close)
	return fake{url: web.URL}
}

func TestOpenAIEmbedderOnOddResponses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, body, code string }{
		{"shuffled", `{"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[3,0]}],"usage":{"total_tokens":4}}`, ""},
		{"without indexes", `{"data":[{"embedding":[3,0]},{"embedding":[0,2]}]}`, ""},
		{"an index twice", `{"data":[{"index":0,"embedding":[1,0]},{"index":0,"embedding":[0,1]}]}`, CodeUnavailable},
		{"an index too large", `{"data":[{"index":0,"embedding":[1,0]},{"index":7,"embedding":[0,1]}]}`, CodeUnavailable},
		{"too few", `{"data":[{"index":0,"embedding":[1,0]}]}`, CodeUnavailable},
		{"none", `{"data":[]}`, CodeUnavailable},
		{"no JSON", `<html>`, CodeUnavailable},
		{"cut", `{"data":[{"index":0,"embe`, CodeUnavailable},
		{"zero vector", `{"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[0,0]}]}`, CodeUnavailable},
		{"wrong length", `{"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[0,1,0]}]}`, CodeDimensionsMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := embeddingsServer(t, tt.body).embedder(t, "m", 2, Timeouts{}).Embed(timeout(t), "c", []string{"a", "b"})
			if tt.code == "" {
				require.NoError(t, err)
				require.Equal(t, [][]float32{{1, 0}, {0, 1}}, got.Vectors)
				return
			}
			require.Equal(t, tt.code, chatconnect.AsError(err).Code, err)
		})
	}
}

func TestEmbeddingFaultsBecomeTypedErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		fault fakemodel.Fault
		kind  chatconnect.Kind
		code  string
		after time.Duration
	}{
		{"rate limit", fakemodel.Fault{Kind: fakemodel.FaultRateLimit, RetryAfter: fakemodel.Duration(1500 * time.Millisecond)}, chatconnect.KindRateLimited, CodeRateLimited, 1500 * time.Millisecond},
		{"500", fakemodel.Fault{Kind: fakemodel.FaultServerError}, chatconnect.KindUnavailable, CodeUnavailable, 0},
		{"401", fakemodel.Fault{Kind: fakemodel.FaultStatus, Status: 401}, chatconnect.KindInternal, CodeCredentialsInvalid, 0},
		{"too long", fakemodel.Fault{Kind: fakemodel.FaultContext}, chatconnect.KindTooLarge, CodeContextTooLong, 0},
		{"broken", fakemodel.Fault{Kind: fakemodel.FaultCut}, chatconnect.KindUnavailable, CodeUnavailable, 0},
		{"hang", fakemodel.Fault{Kind: fakemodel.FaultHang}, chatconnect.KindUnavailable, CodeUnavailable, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.fault.Endpoint = fakemodel.EndpointEmbeddings
			f := newFake(t, fakemodel.Knobs{Faults: []fakemodel.Fault{tt.fault}})
			_, err := f.embedder(t, "m", 8, Timeouts{ResponseHeader: 100 * time.Millisecond}).Embed(timeout(t), "c", []string{"a"})
			requireError(t, err, tt.kind, tt.code)
			require.Equal(t, tt.after, chatconnect.AsError(err).RetryAfter)
		})
	}
}

func TestEmbeddingIsCancelled(t *testing.T) {
	t.Parallel()
	f := newFake(t, fakemodel.Knobs{EmbedLatency: fakemodel.Duration(time.Hour)})
	ctx, cancel := context.WithCancel(timeout(t))
	f.OnRequest(func(fakemodel.Request) { cancel() })
	_, err := f.embedder(t, "m", 8, Timeouts{}).Embed(ctx, "c", []string{"a"})
	require.ErrorIs(t, err, context.Canceled)
}

// TestLocalVectorsAreTheSameEverywhere fails when the formula changes: stored
// vectors would no longer fit. Change LocalEmbedModel then.
func TestLocalVectorsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	require.Equal(t, "local-hash-v1", LocalEmbedModel)
	for text, want := range map[string]uint64{
		"":                                     0xa927cc3731766218,
		"The return period for shoes":          0x18520e7b86b6efa0,
		"Rückgabefrist für Schuhe: 30 Tage":    0x635bee6da4a01e90,
		"退货期限为三十天":                             0x64f723d95ef108b0,
		strings.Repeat("shoe shoes boot ", 50): 0x6c6712219dd389b8,
	} {
		h := fnv.New64a()
		for _, x := range hashVector(text) {
			bits := math.Float32bits(x)
			_, _ = h.Write([]byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)})
		}
		require.Equal(t, want, h.Sum64(), "%q: 0x%x", text, h.Sum64())
	}
}

func TestLocalEmbedder(t *testing.T) {
	t.Parallel()
	e := NewLocalEmbedder()
	require.Equal(t, 512, e.Dimensions())
	got, err := e.Embed(timeout(t), "c", []string{"shoes", "", "!!!", "the of and"})
	require.NoError(t, err)
	require.Len(t, got.Vectors, 4)
	for _, v := range got.Vectors {
		require.Len(t, v, 512)
		require.InDelta(t, 1, dot(v, v), 1e-6)
	}
	require.Positive(t, got.Tokens)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = e.Embed(ctx, "c", []string{"shoes"})
	require.ErrorIs(t, err, context.Canceled)
}

func TestLocalSimilarity(t *testing.T) {
	t.Parallel()
	near := func(a, b string) float64 { return dot(hashVector(a), hashVector(b)) }
	// In each row the first text is nearer to the second than to the third.
	for _, row := range [][3]string{
		{"shoe", "shoes", "shop"},
		{"waranty", "warranty", "delivery"},
		{"What is the return period for shoes?", "Shoes can be returned within 30 days.", "What is the delivery period for books?"},
		{"What is the return period for shoes?", "The return period for shoes is 30 days.", "Shoes can be returned."},
		{"Rückgabefrist", "Die Frist für die Rückgabe", "Öffnungszeiten"},
		{"Wie lange ist die Rückgabefrist?", "Die Rückgabefrist beträgt 30 Tage.", "Wie lange ist der Laden geöffnet?"},
		{"delivery costs", "cost of deliveries", "opening hours"},
		{"password reset", "I forgot my pasword", "payment methods"},
		{"退货期限", "退货期限为三十天", "我们的办公室在上海"},
	} {
		require.Greater(t, near(row[0], row[1]), near(row[0], row[2])+0.05, row)
	}
	require.Greater(t, near("shoe", "shoes"), 0.5)
	require.Less(t, math.Abs(near("The shop opens at nine", "Quantum physics lecture")), 0.15)
}

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func BenchmarkLocalEmbed(b *testing.B) {
	text := strings.Repeat(shop[0].Content, 5) // about 500 tokens
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		hashVector(text)
	}
}
