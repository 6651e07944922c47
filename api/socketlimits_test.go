package api_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api"
)

// TestSocketsEndWithTheLogin: within a second, long before the next ping, also
// those whose reader doesn't read or doesn't close.
func TestSocketsEndWithTheLogin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.server.Quick(func(timing *api.Timing) {
		timing.Ping, timing.SlowReader, timing.Write = time.Hour, time.Hour, time.Hour
	})
	owner, client, _ := b.tenant("a@example.com")
	other, _ := b.register("a.second@example.com")
	first, second, theirs := owner.dial(""), owner.dial("?clientId="+string(client)), other.dial("")
	first.next()
	second.next()

	// One that never reads, and so never answers that it closes.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.http.URL, nil)
	require.NoError(t, err)
	mute := dialTCP(t, b.http.URL)
	_, err = fmt.Fprintf(mute, "GET /api/dashboard/events HTTP/1.1\r\nHost: x\r\nCookie: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		owner.client.Jar.Cookies(request.URL)[0])
	require.NoError(t, err)

	began := time.Now()
	require.Equal(t, 204, owner.post("/api/auth/logout", nil).StatusCode)
	require.Equal(t, websocket.StatusPolicyViolation, first.closed())
	require.Equal(t, websocket.StatusPolicyViolation, second.closed())
	require.NoError(t, mute.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = io.Copy(io.Discard, mute)
	if err == nil {
		require.Less(t, time.Since(began), 20*time.Second, "a second, and what a busy machine takes")
	}
	require.Equal(t, 204, other.post("/api/auth/logout", nil).StatusCode)
	require.Equal(t, websocket.StatusPolicyViolation, theirs.closed(), "only now")
}

// TestSocketsOfALogin: those of a login and of a person are limited, and places come back.
func TestSocketsOfALogin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, _, _ := b.tenant("a@example.com")
	refused := func(who *browser) bool {
		conn, response, err := websocket.Dial(t.Context(), b.http.URL+"/api/dashboard/events", &websocket.DialOptions{
			HTTPClient: who.client, HTTPHeader: http.Header{"Origin": {b.http.URL}},
		})
		if err == nil {
			_ = conn.CloseNow()
			return false
		}
		require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
		require.NotEmpty(t, response.Header.Get("Retry-After"))
		return true
	}
	var open []*socket
	for range 12 {
		open = append(open, owner.dial(""))
	}
	require.True(t, refused(owner), "of a login")
	require.NoError(t, open[0].conn.CloseNow())
	require.Eventually(t, func() bool { return !refused(owner) }, time.Minute, 10*time.Millisecond, "a place is free again")

	var logins []*browser
	total := 11
	for total < 40 { // logins of the same person
		login := b.browser()
		login.post("/api/auth/login", object{"email": "a@example.com", "password": "correct horse"})
		logins = append(logins, login)
		for range 12 {
			if total == 40 {
				break
			}
			require.Eventually(t, func() bool { // the place of one that was closed may still be taken
				conn, _, err := websocket.Dial(t.Context(), b.http.URL+"/api/dashboard/events", &websocket.DialOptions{HTTPClient: login.client, HTTPHeader: http.Header{"Origin": {b.http.URL}}})
				if err == nil {
					t.Cleanup(func() { _ = conn.CloseNow() })
				}
				return err == nil
			}, time.Minute, 10*time.Millisecond)
			total++
		}
	}
	require.True(t, refused(logins[len(logins)-1]), "of a person")
	another, _ := b.register("b@example.com")
	require.False(t, refused(another))
}
