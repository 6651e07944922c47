package e2e

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/internal/config"
)

// service is one of the operator's own, which has the internal secret.
type service struct {
	*person
	secret string
}

func newService(t testing.TB, p *product) *service {
	t.Helper()
	c, err := config.Load(p.environ)
	require.NoError(t, err)
	return &service{newPerson(t, p.URL()), string(c.InternalAPISecret)}
}

func (s *service) call(path string, body map[string]any) response {
	s.t.Helper()
	return s.post(path, body, "X-Internal-Secret", s.secret)
}

// TestAServiceIngestsADocument: a file handed over by an operator's service is
// searched like any other, and its progress can be read and published.
func TestAServiceIngestsADocument(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	// The gate may be shut for longer than a provider may usually keep silent.
	p := startProduct(t, append(settings, "MODEL_TIMEOUT=10m")...)
	shop, operator := newTenant(t, p.URL(), chatconnect.TierFree), newService(t, p)

	calls := watchEmbedCalls(t, models) // shut: the document waits while its progress is published
	id := chatconnect.DocumentID(uuid.NewString())
	ref := map[string]any{"client_id": shop.ID, "document_id": id}
	body := map[string]any{
		"client_id": shop.ID, "document_id": id, "file_type": "text/plain", "name": "tea.txt",
		"file_data": base64.StdEncoding.EncodeToString([]byte("Tea is served at four. " + uuid.NewString())),
	}
	operator.call("/process-document", body).is(http.StatusAccepted)
	shop.all([]chatconnect.Document{{ID: id}}, embedding)
	operator.call("/process-document", body).is(http.StatusOK)
	changed := map[string]any{"client_id": shop.ID, "document_id": id, "file_type": "txt", "file_data": "U2FuZC4="}
	require.Equal(t, "document_exists", operator.call("/process-document", changed).is(http.StatusConflict).problem())

	body["document_id"] = uuid.NewString()
	require.Equal(t, "document_duplicate", operator.call("/process-document", body).is(http.StatusConflict).problem(), "one content is one document")

	var progress struct {
		Status, Stage, Name string
		Progress            int
	}
	operator.call("/api/internal/document-progress", ref).is(http.StatusOK).into(&progress)
	require.Equal(t, "embedding", progress.Status)
	require.Equal(t, "tea.txt", progress.Name)
	step := map[string]any{"client_id": shop.ID, "document_id": id, "stage": "Held for review", "progress": 42}
	operator.call("/api/internal/document-progress", step).is(http.StatusOK)
	shop.all([]chatconnect.Document{{ID: id}}, func(d chatconnect.Document) bool {
		return d.Stage == "Held for review" && d.Progress == 42
	})
	step["status"], step["progress"] = "queued", 1
	operator.call("/api/internal/document-progress", step).is(http.StatusOK).into(&progress)
	require.Equal(t, "embedding", progress.Status, "nothing goes back")
	require.Equal(t, 42, progress.Progress)

	calls.open()
	require.Equal(t, chatconnect.StatusReady, shop.settle(chatconnect.Document{ID: id})[0].Status)
	require.Contains(t, shop.ask("When is tea served?").Text, "four")
	step["stage"] = "Not any more"
	operator.call("/api/internal/document-progress", step).is(http.StatusOK).into(&progress)
	require.Equal(t, "ready", progress.Status)
	require.NotEqual(t, "Not any more", progress.Stage)
}

// TestEmbedForServers: the vectors are those that search uses.
func TestEmbedForServers(t *testing.T) {
	t.Parallel()
	_, settings := startModels(t, fakemodel.Knobs{})
	p := startProduct(t, settings...)
	shop, operator := newTenant(t, p.URL(), chatconnect.TierPaid), newService(t, p)
	var key struct{ Token string }
	shop.post("/api/dashboard/clients/"+string(shop.ID)+"/keys", map[string]any{"kind": "secret", "name": "Server"}).is(http.StatusCreated).into(&key)

	texts := []string{"Tea is served at four. " + uuid.NewString(), "Coffee is served at nine."}
	var embedded struct {
		Model      string
		Dimensions int
		Vectors    [][]float32
		Usage      struct{ InputTokens int }
	}
	r := shop.post("/embed", map[string]any{"texts": texts}, "x-api-key", key.Token).is(http.StatusOK)
	require.Equal(t, "1000", r.header.Get("RateLimit-Limit"))
	r.into(&embedded)
	require.Contains(t, settings, "EMBEDDING_MODEL="+embedded.Model)
	require.Equal(t, 256, embedded.Dimensions)
	require.Positive(t, embedded.Usage.InputTokens)
	require.Len(t, embedded.Vectors, 2)
	for i, vector := range embedded.Vectors {
		require.InDeltaSlice(t, fakemodel.Vector(texts[i], 256), vector, 1e-5)
	}
	operator.call("/embed", map[string]any{"texts": texts}).is(http.StatusOK)
	require.Equal(t, "secret_key_required", shop.post("/embed", map[string]any{"texts": texts}, "x-api-key", shop.PublishableKey).is(http.StatusForbidden).problem())
}

// The built-in embedder serves it as well.
func TestEmbedWithoutAProvider(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	var embedded struct{ Vectors [][]float32 }
	newService(t, p).call("/embed", map[string]any{"texts": []string{"Tea"}}).is(http.StatusOK).into(&embedded)
	require.Len(t, embedded.Vectors, 1)
}
