package api_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api"
)

// TestGuessingTheInternalSecret: wrong ones count by address, whichever
// endpoint they are tried on, and then the right one is no use either.
func TestGuessingTheInternalSecret(t *testing.T) {
	t.Parallel()
	type call func(who *browser, secret string) response
	id := uuid.NewString()
	header := func(method, path string) call {
		return func(who *browser, secret string) response {
			return who.with("X-Internal-Secret", secret).do(t.Context(), method, path, object{})
		}
	}
	for name, try := range map[string]call{
		"process-document":  header("POST", "/process-document"),
		"document-progress": header("POST", "/api/internal/document-progress"),
		"validate-client":   header("POST", "/internal/validate-client"),
		"config":            header("GET", "/internal/client/"+id+"/config"),
		"embed":             header("POST", "/embed"),
		"health":            header("GET", "/health"),
		"decode": func(who *browser, secret string) response {
			return who.with("Authorization", "Bearer "+secret).post("/temporal/codec/decode", object{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *api.Options) { o.Decoder, o.TrustedProxies = http.NotFoundHandler(), []string{"127.0.0.1"} })
			attacker, service := b.browser().with("X-Forwarded-For", "203.0.113.7"), b.browser().with("X-Forwarded-For", "203.0.113.8")
			for range 20 {
				try(attacker, "guess").problem(t, 401, "internal_secret_wrong")
			}
			r := try(attacker, "another guess")
			r.problem(t, 429, "rate_limited")
			require.NotEmpty(t, r.Header.Get("Retry-After"))
			try(attacker, "internal secret").problem(t, 429, "rate_limited")
			for range 50 { // right ones don't count
				status := try(service, "internal secret").StatusCode
				require.NotContains(t, []int{401, 429}, status)
			}
			require.Equal(t, 200, attacker.get("/livez").StatusCode, "only what the secret opens")
		})
	}
}
