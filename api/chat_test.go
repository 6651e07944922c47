package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/temporal"
)

var answerOf42 = chatconnect.Answer{
	Text:    "It costs 42 <euros>.",
	Sources: []chatconnect.Source{{Index: 1, DocumentID: "0199aaaa-0000-7000-8000-000000000001", Name: "prices.pdf", Page: 3, Score: 0.5, Snippet: "42 euros"}},
	Usage:   chatconnect.Usage{InputTokens: 10, OutputTokens: 5},
}

func result42(in temporal.ChatInput) temporal.ChatResult {
	answer := answerOf42
	answer.MessageID, answer.SessionID = in.MessageID, in.SessionID
	return temporal.ChatResult{Answer: answer, Status: chatconnect.ChatAnswered}
}

func relayEvent(id int64, kind string, data any) chatconnect.RelayEvent {
	body, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return chatconnect.RelayEvent{ID: id, Type: kind, Data: body}
}

func token(id int64, text string) chatconnect.RelayEvent {
	return relayEvent(id, "token", object{"text": text})
}

func done(id int64) chatconnect.RelayEvent {
	return relayEvent(id, "done", object{"messageId": "m1", "usage": chatconnect.Usage{}, "sources": []any{}, "cached": false})
}

// sse is one event as a browser reads it.
type sse struct {
	id    int64 // of this event, 0 if it has none
	event string
	data  string
}

func (e sse) text() string {
	var v struct{ Text string }
	_ = json.Unmarshal([]byte(e.data), &v)
	return v.Text
}

// stream is an open event stream.
type stream struct {
	t        *testing.T
	response *http.Response
	lines    *bufio.Scanner
	comments int
	last     int64
	leave    context.CancelFunc
}

func (b *browser) open(method, path string, body any) *stream {
	b.t.Helper()
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(b.t, err)
		reader = strings.NewReader(string(encoded))
	}
	ctx, leave := context.WithTimeout(b.t.Context(), time.Minute)
	b.t.Cleanup(leave)
	r, err := http.NewRequestWithContext(ctx, method, b.http.URL+path, reader)
	require.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/json")
	for name, values := range b.header {
		r.Header[name] = values
	}
	res, err := b.client.Do(r)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(res.Body)
		b.t.Fatalf("status %d: %s", res.StatusCode, content)
	}
	require.Equal(b.t, "text/event-stream", res.Header.Get("Content-Type"))
	return &stream{t: b.t, response: res, lines: bufio.NewScanner(res.Body), leave: leave}
}

// next returns the next event, io.EOF at the end of the stream. Ids must
// increase.
func (s *stream) next() (sse, error) {
	s.t.Helper()
	var e sse
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			id, err := strconv.ParseInt(value, 10, 64)
			require.NoError(s.t, err)
			require.Greater(s.t, id, s.last, "ids increase")
			e.id, s.last = id, id
		case "event":
			e.event = value
		case "data":
			e.data = value
			require.True(s.t, json.Valid([]byte(value)), value)
		case "":
			if strings.HasPrefix(s.lines.Text(), ":") {
				s.comments++
			} else if e.event != "" {
				return e, nil
			}
		default:
			s.t.Fatalf("line %q", s.lines.Text())
		}
	}
	if err := s.lines.Err(); err != nil {
		return e, err
	}
	return e, io.EOF
}

// rest reads to the end and returns the events' names and the final text.
func (s *stream) rest() (names []string, text string) {
	s.t.Helper()
	return s.some(math.MaxInt)
}

// some is rest for the next n events.
func (s *stream) some(n int) (names []string, text string) {
	s.t.Helper()
	for len(names) < n {
		e, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(s.t, err)
		names = append(names, e.event)
		switch e.event {
		case "token":
			text += e.text()
		case "restart":
			text = ""
		}
	}
	return names, text
}

func question(message string) object {
	return object{"message": message, "sessionId": "s1", "messageId": "m1"}
}

func TestChat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	visitor := b.visitor(client, key)

	r := visitor.post("/chat", object{"message": " What does it cost?\u200b ", "sessionId": "s1", "metadata": object{"page": "/prices"}})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	body := r.json(t)
	require.Equal(t, "It costs 42 <euros>.", body["answer"])
	require.Equal(t, "s1", body["sessionId"])
	require.True(t, chatconnect.ValidUUID(body["messageId"].(string)))
	require.Equal(t, "prices.pdf", body["sources"].([]any)[0].(object)["name"])
	require.Equal(t, object{"inputTokens": 10.0, "outputTokens": 5.0, "cachedTokens": 0.0}, body["usage"])
	require.Equal(t, false, body["cached"])
	require.Equal(t, "20", r.Header.Get("RateLimit-Limit"), "the visitor's, which is nearer to its end than the key's")
	require.Equal(t, "19", r.Header.Get("RateLimit-Remaining"))

	started := b.workflows.starts()
	require.Len(t, started, 1)
	in := started[0].input.(temporal.ChatInput)
	require.Equal(t, client, in.ClientID)
	require.Equal(t, chatconnect.TierFree, in.Tier)
	require.Equal(t, "What does it cost?", in.Text)
	require.Equal(t, object{"page": "/prices"}, in.Metadata)
	require.WithinDuration(t, time.Now(), in.AskedAt, time.Minute)
	o := started[0].options
	require.Equal(t, temporal.ChatWorkflowID(in.Ref()), o.ID)
	require.Equal(t, temporal.QueueChat, o.TaskQueue)
	require.True(t, o.EnableEagerStart)
	require.Equal(t, enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, o.WorkflowIDConflictPolicy)
	require.Equal(t, enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, o.WorkflowIDReusePolicy)
	require.Equal(t, temporal.WorkflowAnswerMessage, started[0].name)
}

func TestChatFailures(t *testing.T) {
	t.Parallel()
	execution := func(cause error) error {
		return errors.Join(&sdktemporal.WorkflowExecutionError{}, cause)
	}
	for name, test := range map[string]struct {
		end    func(r *run, in temporal.ChatInput)
		status int
		code   string
	}{
		"model is down": {func(r *run, _ temporal.ChatInput) {
			r.finish(temporal.ChatResult{ErrorCode: "model_unavailable", ErrorMessage: "Try later."})
		}, 503, "model_unavailable"},
		"model is busy": {func(r *run, _ temporal.ChatInput) {
			r.finish(temporal.ChatResult{ErrorCode: "model_rate_limited", ErrorMessage: "Try later."})
		}, 503, "model_rate_limited"},
		"model refuses": {func(r *run, _ temporal.ChatInput) {
			r.finish(temporal.ChatResult{ErrorCode: "model_refused", ErrorMessage: "No."})
		}, 502, "model_refused"},
		"our fault": {func(r *run, _ temporal.ChatInput) {
			r.finish(temporal.ChatResult{ErrorCode: "internal", ErrorMessage: "Oh."})
		}, 500, "internal"},
		"terminated":     {func(r *run, _ temporal.ChatInput) { r.fail(execution(errors.New("terminated by 10.0.0.1"))) }, 500, "chat_failed"},
		"result is lost": {func(r *run, _ temporal.ChatInput) { r.fail(errors.New("dial tcp 10.0.0.1")) }, 503, "chat_unavailable"},
		"too slow":       {func(*run, temporal.ChatInput) {}, 504, "chat_timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *api.Options) {
				if test.code == "chat_timeout" { // the others are told in time, however busy the machine
					o.ChatTimeout = 200 * time.Millisecond
				}
			})
			_, client, key := b.tenant("a@example.com")
			b.workflows.onStart = test.end
			r := b.visitor(client, key).post("/chat", question("Hi"))
			r.problem(t, test.status, test.code)
			require.NotContains(t, string(r.body), "10.0.0.1")
			require.Equal(t, test.status == 503 || test.status == 504, r.Header.Get("Retry-After") != "")
		})
	}
	t.Run("temporal is down", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, client, key := b.tenant("a@example.com")
		b.workflows.down = errors.New("connection refused")
		for _, path := range []string{"/chat", "/chat/stream"} {
			r := b.visitor(client, key).post(path, question("Hi"))
			r.problem(t, 503, "chat_unavailable")
			require.Equal(t, "2", r.Header.Get("Retry-After"))
		}
		require.Equal(t, []string{"chat_unavailable", "chat_unavailable"}, b.refused.codes)
	})
	t.Run("the database is down", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, client, key := b.tenant("a@example.com")
		b.memory.failKeyOwner = chatconnect.Errorf(chatconnect.KindUnavailable, "database_unavailable", "Later.")
		r := b.visitor(client, key).post("/chat/stream", question("Hi"))
		r.problem(t, 503, "database_unavailable")
		require.Equal(t, "2", r.Header.Get("Retry-After"))
	})
}

func TestChatValidation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, key := b.tenant("a@example.com")
	visitor := b.visitor(client, key)
	for name, test := range map[string]struct {
		body   any
		status int
		code   string
	}{
		"empty":             {object{"message": " ", "sessionId": "s1"}, 400, "message_empty"},
		"no message":        {object{"sessionId": "s1"}, 400, "message_empty"},
		"too long":          {object{"message": strings.Repeat("é", 2001), "sessionId": "s1"}, 400, "message_too_long"},
		"session":           {object{"message": "x", "sessionId": "a b"}, 400, "session_id_invalid"},
		"colon in session":  {object{"message": "x", "sessionId": "a:b"}, 400, "session_id_invalid"},
		"message id":        {object{"message": "x", "sessionId": "s1", "messageId": "-"}, 400, "message_id_invalid"},
		"metadata":          {object{"message": "x", "sessionId": "s1", "metadata": []int{1}}, 400, "metadata_invalid"},
		"metadata too long": {object{"message": "x", "sessionId": "s1", "metadata": object{"a": strings.Repeat("x", 4096)}}, 400, "metadata_invalid"},
		"message type":      {object{"message": 5, "sessionId": "s1"}, 400, "body_invalid"},
		"not JSON":          {"hello", 400, "body_invalid"},
		"null":              {"null", 400, "message_empty"},
		"too large":         {object{"message": "x", "sessionId": "s1", "padding": strings.Repeat("x", 33<<10)}, 413, "body_too_large"},
	} {
		for _, path := range []string{"/chat", "/chat/stream"} {
			r := visitor.post(path, test.body)
			require.Equal(t, test.status, r.StatusCode, "%s: %s", name, r.body)
			r.problem(t, test.status, test.code)
		}
	}
	require.Empty(t, b.workflows.starts())
	visitor.with("Last-Event-ID", "x").post("/chat/stream", question("Hi")).problem(t, 400, "last_event_id_invalid")
}

func TestChatKeysAndOrigins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	secret := owner.post("/api/dashboard/clients/"+string(client)+"/keys", object{"kind": "secret"}).json(t)["token"].(string)

	anybody := b.browser()
	anybody.post("/chat", question("Hi")).problem(t, 401, "api_key_invalid")
	for _, wrong := range []string{"pk_live_" + strings.Repeat("0", 32), "nonsense", "pk_live_" + strings.Repeat("x", 500)} {
		r := anybody.with("X-Api-Key", wrong).with("Origin", "https://shop.example").post("/chat", question("Hi"))
		r.problem(t, 401, "api_key_invalid")
		require.Equal(t, "https://shop.example", r.Header.Get("Access-Control-Allow-Origin"), "so that its author sees why")
	}

	visitor := b.visitor(client, key)
	r := visitor.with("Origin", "https://shop.example").post("/chat", question("Hi"))
	require.Equal(t, 200, r.StatusCode, "without allowed domains everybody is welcome: %s", r.body)
	require.Equal(t, "https://shop.example", r.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, r.Header.Values("Vary"), "Origin")
	require.Contains(t, r.Header.Get("Access-Control-Expose-Headers"), "Retry-After")
	require.Empty(t, r.Header.Get("Access-Control-Allow-Credentials"))

	r = owner.do(t.Context(), "PUT", "/api/dashboard/widget/"+string(client), object{"allowedDomains": []string{"shop.example", "*.shop.example"}})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	for origin, allowed := range map[string]bool{
		"https://shop.example": true, "https://www.shop.example": true,
		"https://evil.example": false, "https://shop.example.evil.test": false, "null": false, "": false,
	} {
		v := visitor
		if origin != "" {
			v = visitor.with("Origin", origin)
		}
		r := v.post("/chat", question("Hi"))
		if allowed {
			require.Equal(t, 200, r.StatusCode, "%s: %s", origin, r.body)
			require.Equal(t, origin, r.Header.Get("Access-Control-Allow-Origin"))
			continue
		}
		r.problem(t, 403, "origin_not_allowed")
		require.Empty(t, r.Header.Get("Access-Control-Allow-Origin"), origin)
	}
	for site, status := range map[string]int{"same-origin": 200, "same-site": 403, "cross-site": 403, "none": 403} {
		r := visitor.with("Sec-Fetch-Site", site).get("/chat/sessions/s1/messages")
		require.Equal(t, status, r.StatusCode, "the dashboard may always ask, %s: %s", site, r.body)
	}
	require.Equal(t, 200, visitor.with("Origin", b.http.URL).post("/chat", question("Hi")).StatusCode, "over plain HTTP, too")
	visitor.with("Origin", b.http.URL).with("Sec-Fetch-Site", "cross-site").post("/chat", question("Hi")).problem(t, 403, "origin_not_allowed")
	require.Equal(t, 200, anybody.with("X-Api-Key", secret).post("/chat", question("Hi")).StatusCode, "servers have no origin")
}

// A key that one process has revoked is refused by the others, too.
func TestRevocationReachesOtherProcesses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	made := owner.post("/api/dashboard/clients/"+string(client)+"/keys", object{"kind": "secret"}).json(t)
	other := setup(t, func(o *api.Options) { o.Users, o.Clients = b.memory, b.memory })
	server := other.browser().with("X-Api-Key", made["token"].(string))
	require.Equal(t, 200, server.get("/api/widget/health").StatusCode, "it is known there now")

	path := "/api/dashboard/clients/" + string(client) + "/keys/" + made["id"].(string)
	require.Equal(t, 204, owner.do(t.Context(), "DELETE", path, nil).StatusCode)
	require.Eventually(t, func() bool { return server.get("/api/widget/health").StatusCode == http.StatusUnauthorized },
		time.Minute, 10*time.Millisecond, "TestKeyCache holds it to a second")
	require.Equal(t, 401, b.browser().with("X-Api-Key", made["token"].(string)).get("/api/widget/health").StatusCode, "here it is at once")
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/chat", "/chat/stream", "/api/widget/config", "/api/widget/health",
		"/chat/sessions", "/chat/sessions/s/messages", "/chat/m/stop", "/chat/m/feedback"} {
		r := b.browser().with("Origin", "https://shop.example").with("Access-Control-Request-Method", "POST").
			with("Access-Control-Request-Headers", "content-type,x-api-key,last-event-id,x-session-token,if-none-match").do(t.Context(), "OPTIONS", path, nil)
		require.Equal(t, 204, r.StatusCode)
		require.Equal(t, "https://shop.example", r.Header.Get("Access-Control-Allow-Origin"))
		require.Contains(t, r.Header.Get("Access-Control-Allow-Methods"), "POST")
		for _, header := range []string{"content-type", "x-api-key", "last-event-id", "x-session-token", "if-none-match"} {
			require.Contains(t, strings.ToLower(r.Header.Get("Access-Control-Allow-Headers")), header)
		}
		require.Equal(t, "7200", r.Header.Get("Access-Control-Max-Age"))
		require.Contains(t, r.Header.Values("Vary"), "Origin")
	}
	r := b.browser().with("Origin", "https://shop.example").do(t.Context(), "OPTIONS", "/api/dashboard/clients", nil)
	require.Empty(t, r.Header.Get("Access-Control-Allow-Origin"), "the dashboard is nobody else's")
}

func TestChatRateLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	visitor := b.visitor(client, key)
	for i := range 20 {
		require.Equal(t, 200, visitor.post("/chat", question("Hi")).StatusCode, "question %d", i)
	}
	r := visitor.post("/chat/stream", question("Hi"))
	r.problem(t, 429, "rate_limited")
	require.Equal(t, "1", r.Header.Get("Retry-After"))
	require.Equal(t, "20", r.Header.Get("RateLimit-Limit"))
	require.Equal(t, "0", r.Header.Get("RateLimit-Remaining"))
	require.Equal(t, "60", r.Header.Get("RateLimit-Reset"))
	require.Contains(t, b.refused.codes, "rate_limited")
	require.Zero(t, b.places.taken(), "a refused stream holds no place")

	operator := b.browser().with("X-Internal-Secret", "internal secret")
	require.Equal(t, 200, operator.do(t.Context(), "PATCH", "/internal/client/"+string(client), object{"tier": "paid"}).StatusCode)
	r = visitor.post("/chat", question("Hi"))
	require.Equal(t, 200, r.StatusCode, "a new tier counts at once: %s", r.body)
	require.Equal(t, "200", r.Header.Get("RateLimit-Limit"))

	b.limiter.mu.Lock()
	b.limiter.err = errors.New("broken")
	b.limiter.mu.Unlock()
	visitor.post("/chat", question("Hi")).problem(t, 503, "limits_unavailable")
}
