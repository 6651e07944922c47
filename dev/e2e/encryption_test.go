package e2e

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// TestTemporalHoldsNoWordsInTheClear asks a model that quotes the question in
// its refusal. With TEMPORAL_CODEC_KEY no history shows a word of it, nor of
// the document; without, this test would not see one that is there.
func TestTemporalHoldsNoWordsInTheClear(t *testing.T) {
	t.Parallel()
	for name, encrypted := range map[string]bool{"with a key": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, settings := startModels(t, fakemodel.Knobs{})
			settings = append(settings, "OPENAI_BASE_URL="+startQuotingModel(t, settings)+"/v1")
			if encrypted {
				settings = append(settings, "TEMPORAL_CODEC_KEY=2026:"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
			}
			product := startProduct(t, settings...)
			shop := newTenant(t, product.URL(), chatconnect.TierFree)
			shop.learn(file{"rumpelstiltskin.txt", []byte("Tea with Rumpelstiltskin is served at four.")})
			body := shop.chatBody("When is tea with Rumpelstiltskin served?")
			answer := shop.stream(body).finish()
			require.NotEmpty(t, answer.failure.Code, "the model did not refuse: %q", answer.text)

			chat := prototext.Format(product.history(t, chatWorkflow(shop, body)))
			require.Equal(t, !encrypted, strings.Contains(chat, "Rumpelstiltskin"), "%s", chat)
			require.Equal(t, !encrypted, strings.Contains(chat, "the prompt was"), "the model's refusal: %s", chat)
		})
	}
}

// startQuotingModel serves what the models of settings do, but refuses every
// chat and quotes the request.
func startQuotingModel(t *testing.T, settings []string) (base string) {
	t.Helper()
	var target *url.URL
	for _, setting := range settings {
		if address, found := strings.CutPrefix(setting, "OPENAI_BASE_URL="); found {
			var err error
			target, err = url.Parse(strings.TrimSuffix(address, "/v1"))
			require.NoError(t, err)
		}
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/chat/completions") {
			proxy.ServeHTTP(w, r)
			return
		}
		prompt, _ := io.ReadAll(r.Body) // what has come is quoted
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{
			"message": "the prompt was: " + string(prompt), "type": "invalid_request_error",
		}})
	}))
	t.Cleanup(server.Close)
	return server.URL
}
