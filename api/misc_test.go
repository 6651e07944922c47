package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
)

// TestEveryRouteIsDescribed: openapi.yaml and the router list the same.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()))
	var described, routed []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	parameter := regexp.MustCompile(`:(\w+)`)
	whole := setup(t, func(o *api.Options) { o.Decoder = http.NotFoundHandler() })
	for _, route := range whole.server.Routes() {
		if route.Method != http.MethodHead {
			routed = append(routed, route.Method+" "+parameter.ReplaceAllString(route.Path, "{$1}"))
		}
	}
	slices.Sort(described)
	slices.Sort(routed)
	require.Equal(t, described, routed)
}

func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.browser().get("/api/openapi.yaml")
	require.Equal(t, 200, r.StatusCode)
	require.Equal(t, api.OpenAPI, r.body)
	require.Equal(t, 304, b.browser().with("If-None-Match", r.Header.Get("ETag")).get("/api/openapi.yaml").StatusCode)
}

func TestInternalEndpoints(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, key := b.tenant("a@example.com")
	_, other, _ := b.tenant("b@example.com")
	anybody := b.browser()
	trusted := anybody.with("X-Internal-Secret", "internal secret")
	config := "/internal/client/" + string(client) + "/config"
	for _, wrong := range []*browser{anybody, anybody.with("X-Internal-Secret", "internal secre"), anybody.with("X-Internal-Secret", "internal secret2")} {
		wrong.get(config).problem(t, 401, "internal_secret_wrong")
		wrong.post("/internal/validate-client", object{"client_id": client}).problem(t, 401, "internal_secret_wrong")
	}

	r := trusted.get(config)
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, "free", r.json(t)["tier"])
	require.EqualValues(t, 100, r.json(t)["rate_limit_per_minute"])
	require.Equal(t, object{
		"provider": "openai", "model": "gpt-4o-mini", "tier": "free", "temperature": 0.7, "token_budget": nil, "budget_left": nil,
	}, r.json(t)["llm"])
	require.Equal(t, []any{}, r.json(t)["widget"].(object)["allowed_domains"])
	trusted.get("/internal/client/0199aaaa-0000-7000-8000-000000000001/config").problem(t, 404, "not_found")
	trusted.get("/internal/client/x/config").problem(t, 404, "not_found")

	validate := func(body object) object {
		r := trusted.post("/internal/validate-client", body)
		require.Equal(t, 200, r.StatusCode, "%s", r.body)
		return r.json(t)
	}
	require.Equal(t, object{"valid": true, "client_id": string(client), "name": "Shop of a@example.com", "tier": "free"}, validate(object{"client_id": client}))
	require.Equal(t, "publishable", validate(object{"client_id": client, "api_key": key})["key_kind"])
	for name, body := range map[string]object{
		"foreign key":    {"client_id": other, "api_key": key},
		"unknown key":    {"client_id": client, "api_key": "pk_live_" + strings.Repeat("0", 32)},
		"unknown client": {"client_id": "0199aaaa-0000-7000-8000-000000000001"},
		"no uuid":        {"client_id": "x"},
	} {
		require.Equal(t, false, validate(body)["valid"], name)
	}
	trusted.post("/internal/validate-client", object{}).problem(t, 400, "client_id_missing")

	off := setup(t, func(o *api.Options) { o.InternalAPISecret = "" })
	off.browser().with("X-Internal-Secret", "").get(config).problem(t, 404, "not_found")
}

func TestPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.browser()
	r := who.get("/")
	require.Equal(t, 200, r.StatusCode)
	require.Contains(t, string(r.body), "ChatConnect")
	require.Equal(t, "text/html; charset=utf-8", r.Header.Get("Content-Type"))
	policy := r.Header.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'self'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"} {
		require.Contains(t, policy, directive)
	}
	require.NotContains(t, policy, "unsafe")
	require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
	require.NotEmpty(t, r.Header.Get("Referrer-Policy"))
	require.Equal(t, "no-cache", r.Header.Get("Cache-Control"))
	require.Equal(t, 304, who.with("If-None-Match", r.Header.Get("ETag")).get("/").StatusCode)
	require.Equal(t, 200, who.do(t.Context(), "HEAD", "/", nil).StatusCode)
	require.Contains(t, string(who.get("/help/").body), "Help")

	r = who.get("/assets/app-1f.js")
	require.Equal(t, "text/javascript; charset=utf-8", r.Header.Get("Content-Type"))
	require.Contains(t, r.Header.Get("Cache-Control"), "immutable")

	for _, path := range []string{"/nowhere", "/api/nowhere", "/api/auth/login/", "/assets", "/assets/", "/../secret", "/internal/nowhere", "/api/dashboard"} {
		who.get(path).problem(t, 404, "not_found")
	}
	r = who.get("/api/auth/login")
	r.problem(t, 405, "method_not_allowed")
	require.Contains(t, r.Header.Get("Allow"), "POST")
	who.post("/", nil).problem(t, 405, "method_not_allowed")
	who.post("/nowhere", nil).problem(t, 404, "not_found")
}

func TestRequestsAreIdentifiedAndLogged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	r := owner.with("X-Request-Id", "my-request.1").get("/api/dashboard/documents?clientId=" + string(client) + "&cursor=s3cret")
	require.Equal(t, "my-request.1", r.Header.Get("X-Request-Id"))
	for _, bad := range []string{"two words", strings.Repeat("x", 200), "<script>", ""} {
		r := owner.with("X-Request-Id", bad).get("/livez")
		require.True(t, chatconnect.ValidUUID(r.Header.Get("X-Request-Id")), "%q", r.Header.Get("X-Request-Id"))
	}
	require.NotContains(t, b.log.String(), "s3cret", "query strings are not logged")
	require.NotContains(t, b.log.String(), "correct horse")
	var found bool
	for line := range strings.Lines(b.log.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		if record["msg"] == "request" && record["route"] == "/api/dashboard/documents" {
			found = true
			require.Equal(t, "GET", record["method"])
			require.EqualValues(t, 400, record["status"])
			require.Contains(t, record, "duration_ms")
		}
	}
	require.True(t, found)
}

func TestPanic(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	b.memory.mu.Lock()
	b.memory.onClients = func() { panic("secret thought") }
	b.memory.mu.Unlock()
	r := owner.get("/api/dashboard/clients")
	r.problem(t, 500, "internal")
	require.NotContains(t, string(r.body), "secret thought")
	require.Contains(t, b.log.String(), "secret thought")
	require.Equal(t, 200, owner.get("/api/dashboard/clients/"+string(client)).StatusCode, "and life goes on")
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := api.New(api.Options{})
	for _, name := range []string{"Users", "Clients", "Documents", "Blobs", "Sessions", "Limiter", "Relay", "Progress", "Temporal", "DetectType"} {
		require.ErrorContains(t, err, "Options."+name)
	}
}

// TestForwardedAddress: only a trusted proxy may say who the visitor is.
func TestForwardedAddress(t *testing.T) {
	t.Parallel()
	spoofing := setup(t)
	who := spoofing.browser()
	for range 10 {
		who.post("/api/auth/login", object{"email": "a@example.com", "password": "x"})
	}
	who.with("X-Forwarded-For", "1.2.3.4").post("/api/auth/login", object{"email": "a@example.com", "password": "x"}).problem(t, 429, "rate_limited")

	proxied := setup(t, func(o *api.Options) { o.TrustedProxies = []string{"127.0.0.1/32"} })
	who = proxied.browser()
	for range 10 {
		who.with("X-Forwarded-For", "2001:db8::1").post("/api/auth/login", object{"email": "a@example.com", "password": "x"})
	}
	who.with("X-Forwarded-For", "2001:db8::2").post("/api/auth/login", object{"email": "a@example.com", "password": "x"}).problem(t, 429, "rate_limited")
	who.with("X-Forwarded-For", "2001:db8:1::2").post("/api/auth/login", object{"email": "a@example.com", "password": "x"}).problem(t, 401, "login_wrong")
}
