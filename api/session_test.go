package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/temporal"
)

func TestSessionsAreTheirVisitors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	secret := owner.secretKey(client)
	other, otherClient, otherKey := b.tenant("b@example.com")
	otherSecret := b.browser().with("X-Api-Key", other.secretKey(otherClient))
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }

	page := b.browser().with("X-Api-Key", key)
	begin := func() (id, token string) {
		r := page.post("/chat/sessions", nil)
		require.Equal(t, 201, r.StatusCode, "%s", r.body)
		id, token = r.json(t)["sessionId"].(string), r.json(t)["sessionToken"].(string)
		require.Regexp(t, `^s_[A-Za-z0-9_-]{22}$`, id)
		require.Equal(t, []string{id, token}, []string{r.Header.Get("X-Session-Id"), r.Header.Get("X-Session-Token")})
		return id, token
	}
	id, token := begin()
	otherID, otherToken := begin()
	require.NotEqual(t, id, otherID)
	require.NotEqual(t, token, otherToken)
	require.Empty(t, b.workflows.starts())

	ask := object{"message": "Hi", "sessionId": id, "messageId": "m1"}
	mine := page.with("X-Session-Token", token)
	require.Equal(t, 200, mine.post("/chat", ask).StatusCode)
	b.chats.log(client, chatconnect.Exchange{SessionID: chatconnect.SessionID(id), MessageID: "m1", Question: "Hi", Status: chatconnect.ChatAnswered, Rating: chatconnect.RatingNone})

	// Every request that names a session.
	requests := map[string]func(who *browser) response{
		"POST /chat":        func(who *browser) response { return who.post("/chat", ask) },
		"POST /chat/stream": func(who *browser) response { return who.post("/chat/stream", ask) },
		"GET /chat/stream":  func(who *browser) response { return who.get("/chat/stream?messageId=m1&sessionId=" + id) },
		"stop":              func(who *browser) response { return who.post("/chat/m1/stop", object{"sessionId": id}) },
		"feedback": func(who *browser) response {
			return who.post("/chat/m1/feedback", object{"sessionId": id, "rating": "up"})
		},
		"messages": func(who *browser) response { return who.get("/chat/sessions/" + id + "/messages") },
	}
	for name, request := range requests {
		for what, wrong := range map[string]*browser{
			"none": page, "another session's": page.with("X-Session-Token", otherToken),
			"another client's key": b.browser().with("X-Api-Key", otherKey).with("X-Session-Token", token),
			"cut":                  page.with("X-Session-Token", token[:42]), "longer": page.with("X-Session-Token", token+"A"),
			"nonsense": page.with("X-Session-Token", "?"), "changed": page.with("X-Session-Token", flip(token)),
		} {
			r := request(wrong.with("Origin", "https://shop.example"))
			require.Equal(t, 401, r.StatusCode, "%s with %s: %s", name, what, r.body)
			r.problem(t, 401, "session_token_invalid")
			require.Equal(t, "https://shop.example", r.Header.Get("Access-Control-Allow-Origin"), "its author sees why")
		}
		require.Less(t, request(mine).StatusCode, 300, name)
		require.Less(t, request(b.browser().with("X-Api-Key", secret)).StatusCode, 300, "%s: servers need none", name)
	}

	// Another client's server speaks for its own visitors only, whatever they
	// are called.
	require.JSONEq(t, `{"messages":[]}`, string(requests["messages"](otherSecret).body))
	requests["stop"](otherSecret).problem(t, 404, "message_unknown")
	requests["feedback"](otherSecret).problem(t, 404, "message_unknown")
	requests["GET /chat/stream"](otherSecret).problem(t, 404, "message_unknown")
	for _, ref := range b.stops.sent {
		require.Equal(t, client, ref.ClientID)
	}
	require.Empty(t, b.chats.feedback[otherClient])

	// A token is the installation's: another secret knows nothing of it, the
	// same secret, in another process, all.
	again := setup(t, func(o *api.Options) { o.SessionSecret = []byte(strings.Repeat("x", 32)) })
	require.NotEqual(t, token, again.server.SessionToken(client, chatconnect.SessionID(id)))
	require.Equal(t, token, setup(t).server.SessionToken(client, chatconnect.SessionID(id)))
	_, err := api.New(api.Options{SessionSecret: []byte("short")})
	require.Error(t, err)
}

// flip changes one bit in the middle.
func flip(token string) string {
	b := []byte(token)
	if b[20] == 'A' {
		b[20] = 'B'
	} else {
		b[20] = 'A'
	}
	return string(b)
}

func TestASessionBeginsWithItsFirstQuestion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	page := b.browser().with("X-Api-Key", key)

	r := page.with("Origin", "https://shop.example").post("/chat", object{"message": "Hi"})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	body := r.json(t)
	id, token := body["sessionId"].(string), body["sessionToken"].(string)
	require.Equal(t, b.server.SessionToken(client, chatconnect.SessionID(id)), token)
	require.Equal(t, []string{id, token}, []string{r.Header.Get("X-Session-Id"), r.Header.Get("X-Session-Token")})
	for _, header := range []string{"X-Session-Id", "X-Session-Token", "ETag", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id"} {
		require.Contains(t, r.Header.Get("Access-Control-Expose-Headers"), header)
	}
	r = page.with("X-Session-Token", token).post("/chat", object{"message": "And?", "sessionId": id})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.NotContains(t, r.json(t), "sessionToken", "it is known")

	s := page.open("POST", "/chat/stream", object{"message": "Hi"})
	id = s.response.Header.Get("X-Session-Id")
	require.Equal(t, b.server.SessionToken(client, chatconnect.SessionID(id)), s.response.Header.Get("X-Session-Token"))
	for {
		e, err := s.next()
		require.NoError(t, err)
		if e.event == "done" {
			var done chatconnect.DoneData
			require.NoError(t, json.Unmarshal([]byte(e.data), &done))
			require.Equal(t, id, string(done.SessionID))
			require.Equal(t, chatconnect.ChatAnswered, done.Status)
			break
		}
	}
}

// A question without ids of its own is told them before its answer begins, so
// that a reader who loses the connection, or patience, can have the rest.
func TestAQuestionWithoutIDsCanBeReadAgain(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	visitor := c.visitor.with("Origin", "https://shop.example")
	s := visitor.open("POST", "/chat/stream", object{"message": "Hi"})
	r := <-c.started
	head := s.response.Header
	require.Contains(t, head.Get("Access-Control-Expose-Headers"), "X-Message-Id")
	ref := chatconnect.MessageRef{
		ClientID: c.ref.ClientID, SessionID: chatconnect.SessionID(head.Get("X-Session-Id")), MessageID: chatconnect.MessageID(head.Get("X-Message-Id")),
	}
	require.Equal(t, r.id, temporal.ChatWorkflowID(ref))
	s.leave()
	require.NoError(t, c.relay.Publish(t.Context(), ref, token(1, "Here"), done(2)))
	again := c.visitor.with("X-Session-Token", head.Get("X-Session-Token"))
	names, text := again.open("GET", "/chat/stream?sessionId="+string(ref.SessionID)+"&messageId="+string(ref.MessageID), nil).rest()
	require.Equal(t, []string{"token", "done"}, names)
	require.Equal(t, "Here", text)
}

func TestStop(t *testing.T) {
	t.Parallel()
	c := setupChat(t, nil)
	stop := func() response { return c.visitor.post("/chat/m1/stop", object{"sessionId": "s1"}) }
	stop().problem(t, 404, "message_unknown")
	require.Empty(t, c.stops.sent)

	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	r := <-c.started
	c.publish(token(1, "half "))
	for range 2 {
		answer := stop()
		require.Equal(t, 202, answer.StatusCode, "%s", answer.body)
		require.JSONEq(t, `{}`, string(answer.body))
	}
	id := temporal.ChatWorkflowID(c.ref)
	require.Equal(t, []string{id, id}, c.workflows.cancelled)
	require.Equal(t, []chatconnect.MessageRef{c.ref, c.ref}, c.stops.sent)

	// The relay is silent: the end comes from the workflow's result.
	r.finish(temporal.ChatResult{Answer: chatconnect.Answer{Text: "half "}, Status: chatconnect.ChatStopped})
	var last sse
	for {
		e, err := s.next()
		if err != nil {
			break
		}
		last = e
	}
	require.Equal(t, "done", last.event)
	require.Contains(t, last.data, `"status":"stopped"`)
	require.Equal(t, 202, stop().StatusCode, "what has ended stays as it is")
	require.Len(t, c.workflows.cancelled, 2)

	c.visitor.post("/chat/-/stop", object{"sessionId": "s1"}).problem(t, 400, "message_id_invalid")
	c.visitor.post("/chat/m1/stop", object{}).problem(t, 400, "session_id_invalid")
	c.workflows.down = fmt.Errorf("connection refused")
	require.NotEmpty(t, stop().Header.Get("Retry-After"))
	stop().problem(t, 503, "chat_unavailable")
}

// TestStopWithoutSignal: the cancelled workflow is what counts.
func TestStopWithoutSignal(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	c.stops.err = fmt.Errorf("connection refused")
	c.visitor.open("POST", "/chat/stream", question("Hi"))
	<-c.started
	require.Equal(t, 202, c.visitor.post("/chat/m1/stop", object{"sessionId": "s1"}).StatusCode)
	require.Len(t, c.workflows.cancelled, 1)
}

func TestFeedback(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	judge := func(body object) response {
		body["sessionId"] = "s1"
		return c.visitor.post("/chat/m1/feedback", body)
	}
	judge(object{"rating": "up"}).problem(t, 404, "message_unknown")
	require.Empty(t, c.chats.feedback)

	// Asked, but not yet logged.
	c.visitor.open("POST", "/chat/stream", question("Hi"))
	<-c.started
	require.Equal(t, 204, judge(object{"rating": "up"}).StatusCode)
	c.chats.log(c.ref.ClientID, chatconnect.Exchange{SessionID: "s1", MessageID: "m1", Status: chatconnect.ChatAnswered})
	require.Equal(t, 204, judge(object{"rating": "down", "comment": " Wrong\u202e\u0000 price "}).StatusCode)
	require.Equal(t, 204, judge(object{"rating": "none"}).StatusCode)
	ref := chatconnect.Feedback{SessionID: "s1", MessageID: "m1"}
	up, down, none := ref, ref, ref
	up.Rating, down.Rating, down.Comment, none.Rating = "up", "down", "Wrong price", "none"
	require.Equal(t, []chatconnect.Feedback{up, down, none}, c.chats.feedback[c.ref.ClientID])

	for _, rating := range []any{"", "UP", "5", nil} {
		judge(object{"rating": rating}).problem(t, 400, "rating_invalid")
	}
	judge(object{"rating": 5}).problem(t, 400, "body_invalid")
	require.Equal(t, 204, judge(object{"rating": "up", "comment": strings.Repeat("😀", 1000)}).StatusCode)
	judge(object{"rating": "up", "comment": strings.Repeat("é", 1001)}).problem(t, 400, "comment_too_long")
}

func TestSessionMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, key := b.tenant("a@example.com")
	visitor := b.visitor(client, key)
	require.JSONEq(t, `{"messages":[]}`, string(visitor.get("/chat/sessions/s1/messages").body))
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i := range 60 {
		b.chats.log(client, chatconnect.Exchange{
			SessionID: "s1", MessageID: chatconnect.MessageID(fmt.Sprint("m", i)), Question: "Q", Answer: "A", Status: chatconnect.ChatStopped,
			Rating: chatconnect.RatingDown, Comment: "c", Model: "gpt-4o-mini", AskedAt: at.Add(time.Duration(i) * time.Second),
		})
	}
	messages := visitor.get("/chat/sessions/s1/messages").json(t)["messages"].([]any)
	require.Len(t, messages, 50)
	require.Equal(t, object{
		"messageId": "m10", "question": "Q", "answer": "A", "sources": []any{}, "status": "stopped", "rating": "down", "askedAt": "2026-05-01T12:00:10Z",
	}, messages[0], "what it cost is the tenant's business")
	visitor.get("/chat/sessions/-/messages").problem(t, 400, "session_id_invalid")
}

// TestStreamsOfASession: one session can't hold all of a server's connections.
func TestStreamsOfASession(t *testing.T) {
	t.Parallel()
	c := setupChat(t, func(timing *api.Timing) { timing.Silence, timing.Heartbeat = time.Hour, 5*time.Millisecond })
	c.publish(token(1, "a"))
	const path = "/chat/stream?messageId=m1&sessionId=s1"
	var streams []*stream
	for range api.StreamsPerSession {
		streams = append(streams, c.visitor.open("POST", "/chat/stream", question("Hi")))
	}
	for _, r := range []response{c.visitor.get(path), c.visitor.post("/chat/stream", question("Hi"))} {
		r.problem(t, 429, "too_many_streams")
		require.Equal(t, "2", r.Header.Get("Retry-After"))
		require.NotEmpty(t, r.Header.Get("RateLimit-Limit"))
	}
	server := c.visitor.with("X-Session-Token", c.server.SessionToken(c.ref.ClientID, "s2"))
	server.open("POST", "/chat/stream", object{"message": "Hi", "sessionId": "s2", "messageId": "m1"}).leave()
	require.Eventually(t, func() bool {
		c.places.mu.Lock()
		defer c.places.mu.Unlock()
		return c.places.renewed > 0
	}, time.Minute, time.Millisecond, "an open stream keeps its place")
	streams[0].leave()
	require.Eventually(t, func() bool { return c.places.taken() < api.StreamsPerSession }, time.Minute, time.Millisecond, "a closed stream keeps its place; log:\n%s", c.log)
	c.visitor.open("GET", path, nil)
}

// TestOneRoundTripOfLimits: a question waits for the limiter once.
func TestOneRoundTripOfLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	b.limiter.calls = 0
	require.Equal(t, http.StatusOK, b.visitor(client, key).post("/chat", question("Hi")).StatusCode)
	prefix := string(client) + ":chat:"
	require.Equal(t, 1, b.limiter.used[prefix+"session:s1"])
	require.Equal(t, 1, b.limiter.used[prefix+"ip:127.0.0.1"])
	require.Equal(t, 1, b.limiter.calls)
}
