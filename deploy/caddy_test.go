package deploy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// caddyLog is what Caddy wrote so far.
type caddyLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *caddyLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *caddyLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startCaddy runs the Caddyfile as it is deployed, before an API at address.
// Only the port of the operators' site is another. It returns Caddy's address.
func startCaddy(t *testing.T, api string) (string, *caddyLog) {
	t.Helper()
	program := os.Getenv("TEST_CADDY") // another release than that on PATH
	if program == "" {
		var err error
		if program, err = exec.LookPath("caddy"); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal("caddy is not installed; .ci/run installs it")
			}
			t.Skip("caddy is not installed (Debian: apt-get install caddy): the proxy's log is not tested")
		}
	}
	host, port, err := net.SplitHostPort(api)
	require.NoError(t, err)
	// Caddy can't say which port it was given: one is chosen for it.
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	}
	site, codec := free(), free()
	config := filepath.Join(t.TempDir(), "Caddyfile")
	deployed := read(t, "caddy/Caddyfile")
	require.Contains(t, deployed, ":8234 {")
	require.NoError(t, os.WriteFile(config, []byte(strings.Replace(deployed, ":8234 {", ":"+codec+" {", 1)), 0o600))
	log := &caddyLog{}
	command := exec.CommandContext(t.Context(), program, "run", "--adapter", "caddyfile", "--config", config)
	command.Env = []string{
		"HOME=" + t.TempDir(), "SITE_ADDRESS=:" + site, "API_HOST=" + host, "API_PORT=" + port, "INTERNAL_API_SECRET=canary-internal",
	}
	command.Stdout, command.Stderr = log, log
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 30 * time.Second
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	address := "127.0.0.1:" + site
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, time.Minute, 20*time.Millisecond, "%s", log)
	return address, log
}

// secretRequests carry canaries wherever a key, token or question may stand.
func secretRequests() []string {
	token := "canary" + rand.Text() // as long as a token
	headers := strings.Join([]string{
		"X-API-Key: canary-x-api-key", "Authorization: Bearer canary-authorization", "Proxy-Authorization: Basic canary-proxy",
		"Cookie: session=canary-cookie", "Cookie: __Host-session=canary-cookie-2", "X-Session-Token: canary-session-token",
		"X-Internal-Secret: canary-internal-secret", "Referer: https://shop.example/page?token=canary-referer", "Origin: https://canary-origin.example",
		"X-CSRF-Token: canary-csrf", "Traceparent: canary-traceparent", "X-Unheard-Of: canary-unheard-of", "Last-Event-ID: canary-event",
	}, "\r\n")
	var requests []string
	for _, target := range []string{
		"/api/widget/config?key=pk_live_canary-query", "/chat/stream?sessionId=canary-session&messageId=canary-message&clientId=canary-client",
		"/widget.js?key=canary-script", "/?invitation=canary-invitation-query", "/api/invitations/canary-invitation", "/invite/canary-invite", "/verify/canary-verify",
		"/reset/canary-reset?x=1", "/api/auth/verify/" + token, "/anything/" + token + "/more", "/chat/sessions/canary-session-path/messages",
		"/api/dashboard/chats/canary-chat-path", "/x%3Fkey=canary-escaped", "/x%3fkey=canary-escaped-low", "/x;key=canary-semicolon", "/x?%zz=canary-malformed",
		"/x?a=1?b=canary-second", "/internal/canary-of-an-internal-path?key=canary-internal-query", "http://canary-user:canary-password@localhost/x?key=canary-absolute",
		"/chat?" + strings.Repeat("a", 3000) + "canary-long",
	} {
		requests = append(requests, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\nConnection: close\r\n\r\n", target, headers))
	}
	return append(requests, "POST /chat HTTP/1.1\r\nHost: localhost\r\n"+headers+
		"\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{\"message\":\"canary-b\"}")
}

// TestCaddyLogsNoSecrets sends them through the real proxy, to an API that
// answers, one that breaks off and one that is not there.
func TestCaddyLogsNoSecrets(t *testing.T) {
	t.Parallel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=canary-set-cookie")
		w.Header().Set("X-Session-Token", "canary-answered-token")
		w.Header().Set("Location", "/x?token=canary-location")
		if strings.HasPrefix(r.URL.Path, "/chat") {
			w.Header().Set("Content-Length", "100") // and breaks off
		}
		_, _ = io.WriteString(w, "canary-body")
	}))
	address, log := startCaddy(t, api.Listener.Addr().String())
	send := func() (statuses []int) {
		for _, request := range secretRequests() {
			conn, err := net.Dial("tcp", address)
			require.NoError(t, err)
			_, err = io.WriteString(conn, request)
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err, request)
			_, _ = io.Copy(io.Discard, response.Body) // some break off
			_ = response.Body.Close()
			_ = conn.Close()
			statuses = append(statuses, response.StatusCode)
		}
		return statuses
	}
	require.Contains(t, send(), http.StatusOK)
	api.Close()
	// Each waits 5 s for another replica, so that few suffice.
	client := &http.Client{Timeout: time.Minute}
	for _, path := range []string{"/chat/stream?key=canary-away", "/api/invitations/canary-invitation-away"} {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+address+path, nil)
		require.NoError(t, err)
		request.Header.Set("X-API-Key", "canary-key-away")
		request.Header.Set("Cookie", "session=canary-cookie-away")
		response, err := client.Do(request)
		require.NoError(t, err)
		_ = response.Body.Close()
		require.GreaterOrEqual(t, response.StatusCode, 500)
	}

	requests := len(secretRequests()) + 2
	require.Eventually(t, func() bool { return strings.Count(log.String(), "http.log.access") >= requests }, time.Minute, 10*time.Millisecond, "%s", log)
	require.Contains(t, log.String(), "http.log.error", "an API that is away is reported")
	require.Contains(t, log.String(), `"uri":"/api/widget/config?-"`, "what is no secret is logged")
	for line := range strings.Lines(log.String()) {
		require.NotContains(t, line, "canary")
	}
}
