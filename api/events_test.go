package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
)

// socket is an open dashboard.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

type message struct {
	Type       string
	ClientID   chatconnect.ClientID
	Documents  []chatconnect.Document
	Document   chatconnect.Document
	DocumentID chatconnect.DocumentID `json:"documentId"`
}

func (b *browser) dial(query string) *socket {
	b.t.Helper()
	conn, response, err := websocket.Dial(b.t.Context(), b.http.URL+"/api/dashboard/events"+query, &websocket.DialOptions{
		HTTPClient: b.client, HTTPHeader: http.Header{"Origin": {b.http.URL}},
	})
	require.NoError(b.t, err)
	if response.Body != nil {
		b.t.Cleanup(func() { _ = response.Body.Close() })
	}
	conn.SetReadLimit(1 << 20)
	b.t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{b.t, conn}
}

func (s *socket) read() (message, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	_, body, err := s.conn.Read(ctx)
	if err != nil {
		return message{}, err
	}
	var m message
	require.NoError(s.t, json.Unmarshal(body, &m), "%s", body)
	return m, nil
}

func (s *socket) next() message {
	s.t.Helper()
	m, err := s.read()
	require.NoError(s.t, err)
	return m
}

// closed reads to the end and returns the close code.
func (s *socket) closed() websocket.StatusCode {
	s.t.Helper()
	for {
		if _, err := s.read(); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

var began = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func progress(client chatconnect.ClientID, percent int) chatconnect.Document {
	return chatconnect.Document{
		ID: "0199aaaa-0000-7000-8000-000000000001", ClientID: client, Name: "a.pdf", Type: "pdf", Size: 1, Version: 1,
		Status: chatconnect.StatusEmbedding, Progress: percent, UpdatedAt: began.Add(time.Duration(percent) * time.Second),
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	documents := documentStore{memory: b.memory}
	documents.set(progress(client, 10))

	s := owner.dial("")
	m := s.next()
	require.Equal(t, "snapshot", m.Type)
	require.Equal(t, client, m.ClientID)
	require.Len(t, m.Documents, 1)
	require.Equal(t, 10, m.Documents[0].Progress)

	publish := func(d chatconnect.Document) { require.NoError(t, b.feed.PublishDocument(t.Context(), d)) }
	publish(progress(client, 20))
	require.Equal(t, 20, s.next().Document.Progress)
	publish(progress(client, 5))  // late
	publish(progress(client, 20)) // twice
	publish(progress(client, 30))
	m = s.next()
	require.Equal(t, "document", m.Type)
	require.Equal(t, 30, m.Document.Progress, "progress never goes back")

	// An upload shows by itself.
	owner.upload("?clientId="+string(client), part{"file", "b.txt", "text"})
	m = s.next()
	require.Equal(t, "b.txt", m.Document.Name)
	require.Equal(t, chatconnect.StatusQueued, m.Document.Status)

	// What is missed while the feed is away is in the next snapshot.
	documents.set(progress(client, 90))
	b.feed.lose()
	m = s.next()
	require.Equal(t, "snapshot", m.Type)
	require.Len(t, m.Documents, 2)
	publish(progress(client, 95))
	require.Equal(t, 95, s.next().Document.Progress)

	require.NoError(t, s.conn.Close(websocket.StatusNormalClosure, ""))
}

// TestEventsMissNothing: a change between subscription and snapshot is seen
// once, in one or the other.
func TestEventsMissNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	documents := documentStore{memory: b.memory}
	for percent := 1; percent <= 50; percent++ {
		documents.set(progress(client, percent))
	}
	s := owner.dial("")
	<-b.feed.opened // subscribed; the snapshot may not have been taken yet
	documents.set(progress(client, 51))
	require.NoError(t, b.feed.PublishDocument(t.Context(), progress(client, 51)))
	last := 0
	for last < 51 {
		m := s.next()
		percent := m.Document.Progress
		if m.Type == "snapshot" {
			percent = m.Documents[0].Progress
		}
		require.Greater(t, percent, last)
		last = percent
	}
}

func TestEventsWithoutFeed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	b.feed.down = chatconnect.Errorf(chatconnect.KindUnavailable, "progress_unavailable", "Later.")
	s := owner.dial("?clientId=" + string(client))
	require.Empty(t, s.next().Documents)
	documentStore{memory: b.memory}.set(progress(client, 10))
	require.Eventually(t, func() bool { return len(s.next().Documents) == 1 }, time.Minute, time.Millisecond, "snapshots go on")
}

func TestEventsOfSeveralClients(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, first, _ := b.tenant("a@example.com")
	stranger, foreign, _ := b.tenant("b@example.com")
	second := chatconnect.ClientID(owner.post("/api/dashboard/clients", object{"name": "Second"}).json(t)["id"].(string))

	s := owner.dial("")
	seen := map[chatconnect.ClientID]bool{s.next().ClientID: true, s.next().ClientID: true}
	require.Equal(t, map[chatconnect.ClientID]bool{first: true, second: true}, seen)
	require.NoError(t, b.feed.PublishDocument(t.Context(), progress(foreign, 10)))

	third := chatconnect.ClientID(owner.post("/api/dashboard/clients", object{"name": "Third"}).json(t)["id"].(string))
	m := s.next()
	require.Equal(t, third, m.ClientID, "a new client appears at the next check, and nothing of others' before")
	require.NoError(t, b.feed.PublishDocument(t.Context(), progress(third, 10)))
	require.Equal(t, third, s.next().Document.ClientID)

	only := owner.dial("?clientId=" + string(second))
	require.Equal(t, second, only.next().ClientID)
	require.NoError(t, b.feed.PublishDocument(t.Context(), progress(first, 10)))
	require.NoError(t, b.feed.PublishDocument(t.Context(), progress(second, 10)))
	require.Equal(t, second, only.next().Document.ClientID)

	stranger.get("/api/dashboard/events?clientId="+string(second)).problem(t, 404, "not_found")
}

func TestEventsRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, _, _ := b.tenant("a@example.com")
	upgrade := func(who *browser, origin string) response {
		who = who.with("Connection", "Upgrade").with("Upgrade", "websocket").with("Sec-WebSocket-Version", "13").
			with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		if origin != "" {
			who = who.with("Origin", origin)
		}
		return who.get("/api/dashboard/events")
	}
	upgrade(b.browser(), b.http.URL).problem(t, 401, "unauthenticated")
	upgrade(owner, "https://evil.example").problem(t, 403, "cross_origin")
	upgrade(owner, "null").problem(t, 403, "cross_origin")
	upgrade(owner, b.http.URL+".evil.example").problem(t, 403, "cross_origin")
	r := owner.get("/api/dashboard/events")
	r.problem(t, 426, "websocket_required")
	require.Equal(t, "websocket", r.Header.Get("Upgrade"))
	require.Equal(t, 400, owner.with("Connection", "Upgrade").with("Upgrade", "websocket").get("/api/dashboard/events").StatusCode)
}

func TestEventsEnd(t *testing.T) {
	t.Parallel()
	t.Run("logout", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		owner, _, _ := b.tenant("a@example.com")
		s := owner.dial("")
		s.next()
		require.Equal(t, 204, owner.post("/api/auth/logout", nil).StatusCode)
		require.Equal(t, websocket.StatusPolicyViolation, s.closed())
	})
	t.Run("membership", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, client, _ := b.tenant("a@example.com")
		member, id := b.register("b@example.com")
		b.memory.setRole(client, id, chatconnect.RoleViewer)
		all, only := member.dial(""), member.dial("?clientId="+string(client))
		all.next()
		only.next()
		b.memory.setRole(client, id, "")
		require.Equal(t, websocket.StatusPolicyViolation, only.closed())
		checked, again := make(chan struct{}, 100), make(chan message, 1)
		go func() {
			m, _ := all.read() // answers pings, too
			again <- m
		}()
		b.memory.mu.Lock()
		b.memory.onClients = func() { checked <- struct{}{} }
		b.memory.mu.Unlock()
		<-checked
		b.memory.setRole(client, id, chatconnect.RoleViewer)
		require.Equal(t, "snapshot", (<-again).Type, "the stream ended with the membership and begins with it again")
	})
	t.Run("drain", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		owner, _, _ := b.tenant("a@example.com")
		s := owner.dial("")
		s.next()
		b.server.Drain()
		require.Equal(t, websocket.StatusGoingAway, s.closed())
	})
	t.Run("talking back", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		owner, _, _ := b.tenant("a@example.com")
		s := owner.dial("")
		s.next()
		require.NoError(t, s.conn.Write(t.Context(), websocket.MessageText, []byte("hello")))
		require.Equal(t, websocket.StatusPolicyViolation, s.closed())
	})
	t.Run("sessions are down", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		checks := make(chan struct{}, 100)
		owner, client, _ := b.tenant("a@example.com")
		s := owner.dial("")
		s.next()
		b.memory.mu.Lock()
		b.memory.failSessions = chatconnect.Errorf(chatconnect.KindUnavailable, "sessions_unavailable", "Later.")
		b.memory.onClients = func() { checks <- struct{}{} }
		b.memory.mu.Unlock()
		require.NoError(t, b.feed.PublishDocument(t.Context(), progress(client, 10)))
		require.Equal(t, 10, s.next().Document.Progress, "an outage logs nobody out")
		b.memory.mu.Lock()
		b.memory.failSessions = nil
		b.memory.mu.Unlock()
		done := make(chan struct{})
		go func() { defer close(done); _, _ = s.read() }() // answers pings
		<-checks
		require.NoError(t, b.feed.PublishDocument(t.Context(), progress(client, 20)))
		<-done
	})
}

// TestEventsSlowReader: a browser that doesn't read is let go.
func TestEventsSlowReader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.server.Quick(func(timing *api.Timing) { timing.Ping = time.Hour; timing.SlowReader = time.Millisecond })
	owner, client, _ := b.tenant("a@example.com")
	s := owner.dial("")
	s.conn.SetReadLimit(10 << 20)
	s.next()
	big := strings.Repeat("x", 1<<20) // more than the socket's buffers hold, times the queue
	for percent := 1; percent <= 100; percent++ {
		d := progress(client, percent)
		d.Stage = big
		require.NoError(t, b.feed.PublishDocument(t.Context(), d))
	}
	s.conn.SetReadLimit(10 << 20)
	require.Eventually(t, func() bool { return strings.Contains(b.log.String(), "too slow") }, time.Minute, time.Millisecond, "the reader is not too slow; log:\n%s", b.log)
	require.Equal(t, websocket.StatusTryAgainLater, s.closed())
}

// Two batches that end side by side carry the times at which they began, so
// what is counted decides before the clock does.
func TestStepsNeverGoBack(t *testing.T) {
	t.Parallel()
	now := time.Now()
	step := func(progress, chunks int, at time.Time) chatconnect.Document {
		return chatconnect.Document{Version: 1, Status: chatconnect.StatusEmbedding, Progress: progress, ChunksDone: chunks, UpdatedAt: at}
	}
	sent := step(40, 1664, now)
	require.False(t, api.Supersedes(step(40, 1600, now.Add(time.Second)), sent))
	require.True(t, api.Supersedes(step(40, 1728, now.Add(-time.Second)), sent))
	require.False(t, api.Supersedes(step(39, 1728, now.Add(time.Second)), sent))
	require.True(t, api.Supersedes(step(40, 1664, now.Add(time.Second)), sent), "another sentence")
	ready := chatconnect.Document{Version: 1, Status: chatconnect.StatusReady, Progress: 100, UpdatedAt: now.Add(-time.Second)}
	require.True(t, api.Supersedes(ready, sent))
	require.False(t, api.Supersedes(sent, chatconnect.Document{Version: 1, Status: chatconnect.StatusReady, UpdatedAt: now}))
}
