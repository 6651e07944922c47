package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api"
)

// to is a request for a host, wherever it is sent.
func (b *bundle) to(host, method, path, body string, header ...string) response {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.http.URL+path, strings.NewReader(body))
	require.NoError(b.t, err)
	r.Host = host
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return b.send(r)
}

func TestHostIsPinnedToThePublicURL(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.PublicURL = "https://chat.example.com" })
	for _, host := range []string{"chat.example.com", "CHAT.example.com:443"} {
		require.Equal(t, 200, b.to(host, "GET", "/", "").StatusCode, host)
	}
	for _, path := range []string{"/", "/widget.js", "/api/auth/me", "/api/dashboard/clients", "/chat/stream", "/api/widget/config", "/nothing/here"} {
		for _, host := range []string{"evil.example", "chat.example.com:8443", "127.0.0.1", "localhost:5000"} {
			b.to(host, "GET", path, "").problem(t, http.StatusMisdirectedRequest, "host_unknown")
		}
	}
	b.to("evil.example", "POST", "/chat", "{}").problem(t, http.StatusMisdirectedRequest, "host_unknown")
	b.to("evil.example", "GET", "/", "", "X-Forwarded-Host", "chat.example.com").problem(t, http.StatusMisdirectedRequest, "host_unknown")
	require.Equal(t, 200, b.to("chat.example.com", "GET", "/", "", "X-Forwarded-Host", "evil.example").StatusCode)

	for _, path := range []string{"/livez", "/readyz", "/health"} {
		require.Equal(t, 200, b.to("10.0.0.7:5000", "GET", path, "").StatusCode, path)
	}
	require.Equal(t, 200, b.to("api:5000", "POST", "/internal/validate-client", `{"client_id":"x"}`, "X-Internal-Secret", "internal secret").StatusCode)
}

func TestOnlyLocalHostsOnLoopback(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.LocalHostsOnly = true })
	for _, host := range []string{"localhost:5000", "127.0.0.1:5000", "[::1]:5000", "shop.localhost:5000"} {
		require.Equal(t, 200, b.to(host, "GET", "/", "").StatusCode, host)
	}
	rebound := `{"email":"a@example.com","password":"correct horse","name":"A"}`
	b.to("evil.example:5000", "POST", "/api/auth/register", rebound, "Origin", "http://evil.example:5000").
		problem(t, http.StatusMisdirectedRequest, "host_unknown")
}

func TestCookiesOverHTTPS(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.PublicURL = "https://chat.example.com" })
	account := `{"email":"a@example.com","password":"correct horse","name":"A"}`
	r := b.to("chat.example.com", "POST", "/api/auth/register", account)
	require.Equal(t, 201, r.StatusCode, "%s", r.body)
	require.Equal(t, "max-age=31536000", r.Header.Get("Strict-Transport-Security"))
	for _, cookie := range r.Cookies() {
		require.True(t, strings.HasPrefix(cookie.Name, "__Host-"), cookie.Name)
		require.True(t, cookie.Secure && cookie.HttpOnly)
		require.Equal(t, "/", cookie.Path)
		require.Empty(t, cookie.Domain)
	}
	session := cookieNamed(t, r, "__Host-"+api.SessionCookie).Value
	require.Equal(t, 200, b.to("chat.example.com", "GET", "/api/auth/me", "", "Cookie", "__Host-cc_session="+session).StatusCode)
	b.to("chat.example.com", "GET", "/api/auth/me", "", "Cookie", "cc_session="+session).problem(t, 401, "unauthenticated")

	require.Empty(t, setup(t).browser().get("/").Header.Get("Strict-Transport-Security"), "over plain http")
}
