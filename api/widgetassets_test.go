package api_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/widget"
)

func TestWidgetScript(t *testing.T) {
	t.Parallel()
	assets, err := widget.Load()
	require.NoError(t, err)
	b := setup(t)
	page := b.browser().with("Origin", "https://shop.example")

	for path, cache := range map[string]string{
		"/widget.js":             "public, max-age=300, stale-while-revalidate=86400",
		"/widget/" + assets.Name: "public, max-age=31536000, immutable",
	} {
		r := page.with("Accept-Encoding", "identity").get(path)
		require.Equal(t, 200, r.StatusCode, path)
		require.Equal(t, string(assets.Script.Content), string(r.body))
		require.Equal(t, cache, r.Header.Get("Cache-Control"))
		require.Equal(t, "text/javascript; charset=utf-8", r.Header.Get("Content-Type"))
		require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
		require.Equal(t, "cross-origin", r.Header.Get("Cross-Origin-Resource-Policy"))
		require.Equal(t, "*", r.Header.Get("Access-Control-Allow-Origin"), "integrity needs CORS")
		require.Contains(t, r.Header.Values("Vary"), "Accept-Encoding")
		require.Empty(t, r.Header.Get("Content-Encoding"))
		require.Empty(t, r.Header.Get("Set-Cookie"))
		plain := r.Header.Get("ETag")

		r = page.with("Accept-Encoding", "br, gzip;q=0.5").get(path)
		require.Equal(t, "gzip", r.Header.Get("Content-Encoding"), path)
		require.NotEqual(t, plain, r.Header.Get("ETag"), "two representations")
		z, err := gzip.NewReader(strings.NewReader(string(r.body)))
		require.NoError(t, err)
		content, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, string(assets.Script.Content), string(content))

		r = page.with("Accept-Encoding", "gzip").with("If-None-Match", r.Header.Get("ETag")).get(path)
		require.Equal(t, 304, r.StatusCode)
		require.Empty(t, r.body)

		require.Empty(t, page.with("Accept-Encoding", "gzip;q=0, identity").get(path).Header.Get("Content-Encoding"))
		r = page.with("Accept-Encoding", "identity").do(t.Context(), http.MethodHead, path, nil)
		require.Equal(t, 200, r.StatusCode)
		require.Empty(t, r.body)
	}

	r := page.get("/widget/0123456789abcdef.js")
	r.problem(t, 404, "widget_version_unknown")
	require.Equal(t, "no-store", r.Header.Get("Cache-Control"), "it may exist after an update")
	version := page.get("/widget.json").json(t)
	require.Equal(t, "/widget/"+assets.Name, version["script"])
	require.Equal(t, assets.Integrity, version["integrity"])
	require.Equal(t, 405, page.post("/widget.js", nil).StatusCode)
}

func TestWidgetConfigByAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	visitor := b.browser().with("Origin", "https://shop.example")
	r := visitor.get("/api/widget/config?key=" + key)
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, "https://shop.example", r.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "private, max-age=60", r.Header.Get("Cache-Control"))
	require.Subset(t, r.Header.Values("Vary"), []string{"Origin", "X-Api-Key"})
	require.Equal(t, 304, visitor.with("If-None-Match", r.Header.Get("ETag")).get("/api/widget/config?key="+key).StatusCode)
	visitor.get("/api/widget/config?key=pk_live_nobody").problem(t, 401, "api_key_invalid")

	secret := owner.post("/api/dashboard/clients/"+string(client)+"/keys", object{"kind": "secret"}).json(t)["token"].(string)
	visitor.get("/api/widget/config?key="+secret).problem(t, 401, "api_key_invalid")
	require.Equal(t, 200, b.browser().with("X-Api-Key", secret).get("/api/widget/config").StatusCode)

	require.Equal(t, 200, owner.do(t.Context(), "PUT", "/api/dashboard/widget/"+string(client), object{"allowedDomains": []string{"example.com"}}).StatusCode)
	visitor.get("/api/widget/config?key="+key).problem(t, 403, "origin_not_allowed")
	r = b.browser().with("X-Api-Key", "pk_live_nobody").get("/api/widget/config?key=" + key)
	r.problem(t, 401, "api_key_invalid")
}

func TestWidgetLauncher(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	path := "/api/dashboard/widget/" + string(client)
	good := object{"launcherText": " Help\u202e ", "launcherIcon": "none", "avatarUrl": "https://cdn.example/a.png?size=64"}
	r := owner.do(t.Context(), "PUT", path, good)
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	config := b.browser().with("X-Api-Key", key).get("/api/widget/config").json(t)
	require.Equal(t, []any{"Help", "none", "https://cdn.example/a.png?size=64"}, []any{config["launcherText"], config["launcherIcon"], config["avatarUrl"]})

	for name, bad := range map[string]object{
		"icon":         {"launcherIcon": "rocket"},
		"nothing":      {"launcherIcon": "none"},
		"long text":    {"launcherText": strings.Repeat("x", 31)},
		"http avatar":  {"avatarUrl": "http://cdn.example/a.png"},
		"data avatar":  {"avatarUrl": "data:image/svg+xml,<svg/>"},
		"script":       {"avatarUrl": "javascript:alert(1)"},
		"password":     {"avatarUrl": "https://a:b@cdn.example/a.png"},
		"no host":      {"avatarUrl": "https:///a.png"},
		"long address": {"avatarUrl": "https://cdn.example/" + strings.Repeat("x", 500)},
	} {
		r := owner.do(t.Context(), "PUT", path, bad)
		require.Equal(t, 400, r.StatusCode, name)
		r.problem(t, 400, "widget_invalid")
	}
}
