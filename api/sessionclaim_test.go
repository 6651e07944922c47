package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/temporal"
)

// The request of the system's specification: a session that its caller named.
func TestACallerChoosesASessionThatNobodyHasBegun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	page := b.browser().with("X-Api-Key", key).with("Origin", "https://shop.example")

	first := page.post("/chat", object{"message": "Hi", "sessionId": "visitor-1", "metadata": object{"page": "/"}})
	require.Equal(t, 200, first.StatusCode, "%s", first.body)
	token := b.server.SessionToken(client, "visitor-1")
	require.Equal(t, token, first.json(t)["sessionToken"])
	require.Equal(t, "visitor-1", first.json(t)["sessionId"])
	require.Equal(t, []string{"visitor-1", token}, []string{first.Header.Get("X-Session-Id"), first.Header.Get("X-Session-Token")})

	stream := page.open("POST", "/chat/stream", object{"message": "Hi", "sessionId": "visitor-2", "metadata": object{"page": "/"}})
	require.Equal(t, b.server.SessionToken(client, "visitor-2"), stream.response.Header.Get("X-Session-Token"))
	names, _ := stream.rest()
	require.Equal(t, "done", names[len(names)-1])

	// From now on it is this caller's, with its token only.
	for _, path := range []string{"/chat", "/chat/stream"} {
		for _, session := range []string{"visitor-1", "visitor-2"} {
			r := page.post(path, object{"message": "Hi", "sessionId": session})
			r.problem(t, 401, "session_token_invalid")
			require.Empty(t, r.Header.Get("X-Session-Token"))
		}
		page.with("X-Session-Token", flip(token)).post(path, object{"message": "Hi", "sessionId": "visitor-3"}).problem(t, 401, "session_token_invalid")
	}
	asked := b.chats.asked
	mine := page.with("X-Session-Token", token)
	r := mine.post("/chat", object{"message": "And?", "sessionId": "visitor-1"})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.NotContains(t, r.json(t), "sessionToken", "it is known")
	require.Equal(t, 200, mine.get("/chat/sessions/visitor-1/messages").StatusCode)
	require.Equal(t, 200, page.post("/chat", object{"message": "Hi"}).StatusCode)
	require.Equal(t, asked, b.chats.asked, "with a token, or without a sessionId, nothing is looked up")

	// Only a question begins a session, and only a valid one.
	page.get("/chat/sessions/visitor-4/messages").problem(t, 401, "session_token_invalid")
	page.post("/chat/m1/stop", object{"sessionId": "visitor-4"}).problem(t, 401, "session_token_invalid")
	page.post("/chat", object{"message": " ", "sessionId": "visitor-4"}).problem(t, 400, "message_empty")
	page.post("/chat", object{"message": "Hi", "sessionId": "-4"}).problem(t, 400, "session_id_invalid")
	require.Equal(t, asked, b.chats.asked)

	// Ids of the form that the API gives out can't be chosen: the session may
	// have been begun and not used yet.
	begun := page.post("/chat/sessions", nil).json(t)["sessionId"].(string)
	for _, id := range []string{begun, "s_" + strings.Repeat("A", 22)} {
		page.post("/chat", object{"message": "Hi", "sessionId": id}).problem(t, 401, "session_token_invalid")
	}
	require.Equal(t, asked, b.chats.asked)

	// A server needs no token for its own sessions, nor claims them twice; those
	// that a visitor has begun it can't take for its own.
	server := b.browser().with("X-Api-Key", owner.secretKey(client))
	for range 2 {
		require.Equal(t, 200, server.post("/chat", object{"message": "Hi", "sessionId": "user-1"}).StatusCode)
	}
	require.Equal(t, asked+1, b.chats.asked)
	page.post("/chat", object{"message": "Hi", "sessionId": "user-1"}).problem(t, 401, "session_token_invalid")
	server.post("/chat", object{"message": "Hi", "sessionId": "visitor-1"}).problem(t, 409, "session_begun_by_visitor")
	require.Equal(t, 200, server.with("X-Session-Token", token).post("/chat", object{"message": "Hi", "sessionId": "visitor-1"}).StatusCode)
	require.Equal(t, 200, server.get("/chat/sessions/visitor-1/messages").StatusCode)
}

func TestOneOfManyBeginsASession(t *testing.T) {
	t.Parallel()
	b := setup(t, trusting)
	_, _, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	statuses := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			r := b.browser().with("X-Api-Key", key).with("X-Forwarded-For", fmt.Sprint("192.0.2.", n)).post("/chat", object{"message": "Hi", "sessionId": "shared"})
			mu.Lock()
			defer mu.Unlock()
			statuses[r.StatusCode]++
		})
	}
	wg.Wait()
	require.Equal(t, map[int]int{200: 1, 401: 49}, statuses)
	require.Len(t, b.workflows.runs, 1)
}

// trusting believes what a proxy says of where a request comes from.
func trusting(o *api.Options) { o.TrustedProxies = []string{"127.0.0.1"} }

// TestALostFirstAnswerIsAskedForAgain: the very same request, from the same
// place, gets the token that was lost; nobody else does.
func TestALostFirstAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, trusting)
	_, client, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	page := b.browser().with("X-Api-Key", key).with("X-Forwarded-For", "192.0.2.1")
	ask := func(change object) object {
		body := object{"message": "Hi", "sessionId": "mine", "messageId": "m1", "metadata": object{"a": 1, "b": 2}}
		for name, value := range change {
			body[name] = value
		}
		return body
	}
	for range 2 {
		r := page.post("/chat", ask(nil))
		require.Equal(t, 200, r.StatusCode, "%s", r.body)
		require.Equal(t, b.server.SessionToken(client, "mine"), r.json(t)["sessionToken"])
	}
	require.Len(t, b.workflows.runs, 1)
	page.post("/chat", ask(object{"messageId": "m2"})).problem(t, 401, "session_token_invalid")
	page.post("/chat", ask(object{"message": "Hi!"})).problem(t, 401, "session_token_invalid")
	page.post("/chat", ask(object{"metadata": object{"a": 1}})).problem(t, 401, "session_token_invalid")
	page.with("X-Forwarded-For", "192.0.2.2").post("/chat", ask(nil)).problem(t, 401, "session_token_invalid")

	// Temporal is away: the token comes with the refusal already.
	b.workflows.down = errors.New("connection refused")
	r := page.post("/chat", ask(object{"sessionId": "other"}))
	r.problem(t, 503, "chat_unavailable")
	require.Equal(t, b.server.SessionToken(client, "other"), r.Header.Get("X-Session-Token"))
}

// TestNobodyBeginsASessionWithoutTheDatabase: it alone knows what exists.
func TestNobodyBeginsASessionWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	b.chats.fail = &chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "database_unavailable", Message: "Later.", Err: context.DeadlineExceeded}
	for _, who := range []*browser{b.browser().with("X-Api-Key", key), b.browser().with("X-Api-Key", owner.secretKey(client))} {
		for _, path := range []string{"/chat", "/chat/stream"} {
			r := who.post(path, object{"message": "Hi", "sessionId": "mine"})
			r.problem(t, http.StatusServiceUnavailable, "database_unavailable")
			require.Empty(t, r.Header.Get("X-Session-Token"))
		}
	}
	require.Empty(t, b.workflows.starts())
	require.Zero(t, b.places.taken(), "no stream keeps its place")
}

// TestBeginningChosenSessionsIsLimited: guessing which exist is, too.
func TestBeginningChosenSessionsIsLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, key := b.tenant("a@example.com")
	b.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	page := b.browser().with("X-Api-Key", key)
	for n := range 20 {
		status := page.post("/chat", object{"message": "Hi", "sessionId": fmt.Sprint("guess-", n%10)}).StatusCode
		require.Equal(t, map[bool]int{true: 200, false: 401}[n < 10], status)
	}
	require.Equal(t, 20, b.limiter.used[string(client)+":begin:ip:127.0.0.1"])
	asked := b.chats.asked
	page.post("/chat", object{"message": "Hi", "sessionId": "mine"}).problem(t, 429, "rate_limited")
	page.post("/chat/stream", object{"message": "Hi", "sessionId": "mine"}).problem(t, 429, "rate_limited")
	require.Equal(t, asked, b.chats.asked)
}
