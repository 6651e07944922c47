package api_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/temporal"
)

// chatting is a server with a tenant and a visitor; started gets every
// workflow that begins.
type chatting struct {
	*bundle
	visitor *browser
	ref     chatconnect.MessageRef // of question()
	started chan *run
}

func setupChat(t *testing.T, change func(*api.Timing)) *chatting {
	t.Helper()
	b := setup(t)
	b.server.Quick(change)
	_, client, key := b.tenant("a@example.com")
	c := &chatting{
		bundle: b, visitor: b.visitor(client, key), started: make(chan *run, 10),
		ref: chatconnect.MessageRef{ClientID: client, SessionID: "s1", MessageID: "m1"},
	}
	b.workflows.onStart = func(r *run, _ temporal.ChatInput) { c.started <- r }
	return c
}

func (c *chatting) publish(events ...chatconnect.RelayEvent) {
	c.t.Helper()
	require.NoError(c.t, c.relay.Publish(c.t.Context(), c.ref, events...))
}

// noReaders waits until every subscription is closed.
func (c *chatting) noReaders() {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		c.relay.mu.Lock()
		defer c.relay.mu.Unlock()
		return c.relay.open == 0
	}, time.Minute, time.Millisecond, "a reader of the relay stays open; log:\n%s", c.log)
}

func long(t *api.Timing) { t.Silence = time.Hour }

func TestStream(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	require.Equal(t, "no-store, no-transform", s.response.Header.Get("Cache-Control"))
	require.Equal(t, "no", s.response.Header.Get("X-Accel-Buffering"))
	<-c.started
	c.publish(token(1, "  It "))
	e, err := s.next()
	require.NoError(t, err)
	require.Equal(t, sse{1, "token", `{"text":"  It "}`}, e, "each token is sent as it comes")
	c.publish(token(2, "costs"), relayEvent(3, "sources", answerOf42.Sources), done(4))
	names, text := s.rest()
	require.Equal(t, []string{"token", "sources", "done"}, names)
	require.Equal(t, "costs", text)
	c.noReaders()
}

func TestStreamRestart(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	c.publish(token(1, "half an"), relayEvent(1_000_001, "restart", object{"attempt": 2}), token(1_000_002, "whole"), done(1_000_003))
	names, text := c.visitor.open("POST", "/chat/stream", question("Hi")).rest()
	require.Equal(t, []string{"token", "restart", "token", "done"}, names)
	require.Equal(t, "whole", text)
}

func TestStreamError(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	c.publish(token(1, "half"), relayEvent(1_000_000_000_001, "error", object{"code": "model_refused", "message": "No."}))
	names, _ := c.visitor.open("POST", "/chat/stream", question("Hi")).rest()
	require.Equal(t, []string{"token", "error"}, names)
}

// TestRepeatedMessage: the same message id attaches to the same answer, from
// the beginning or from where the reader left off.
func TestRepeatedMessage(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	c.publish(token(1, "a"), token(2, "b"), done(3))
	for range 2 {
		names, text := c.visitor.open("POST", "/chat/stream", question("Hi")).rest()
		require.Equal(t, []string{"token", "token", "done"}, names)
		require.Equal(t, "ab", text)
	}
	require.Len(t, c.workflows.runs, 1)
	again := c.visitor.with("Last-Event-ID", "1")
	names, text := again.open("POST", "/chat/stream", question("Hi")).rest()
	require.Equal(t, []string{"token", "done"}, names)
	require.Equal(t, "b", text)
	require.Equal(t, 204, c.visitor.with("Last-Event-ID", "3").post("/chat/stream", question("Hi")).StatusCode, "there is nothing more")
	again.post("/chat/stream", object{"message": "New", "sessionId": "s1", "messageId": "m2"}).problem(t, 400, "last_event_id_invalid")
}

// TestWithoutRelay: with Redis down the answer comes from the workflow.
func TestWithoutRelay(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	c.relay.setDown(errors.New("connection refused"))
	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	r := <-c.started
	<-r.asked
	r.finish(result42(temporal.ChatInput{}))
	e, err := s.next()
	require.NoError(t, err)
	require.Equal(t, "token", e.event)
	require.Equal(t, answerOf42.Text, e.text())
	e, err = s.next()
	require.NoError(t, err)
	require.Equal(t, "sources", e.event)
	e, err = s.next()
	require.NoError(t, err)
	require.Equal(t, "done", e.event)
	require.Contains(t, e.data, `"messageId":"m1"`)
	require.Contains(t, e.data, `"inputTokens":10`)
	require.Contains(t, e.data, `"cached":false`)
	require.Contains(t, e.data, `"page":3`)
	_, err = s.next()
	require.ErrorIs(t, err, io.EOF)
}

// TestRelayGone: a finished message whose record has expired is answered from
// the workflow's result.
func TestRelayGone(t *testing.T) {
	t.Parallel()
	c := setupChat(t, nil)
	c.workflows.onStart = func(r *run, in temporal.ChatInput) { r.finish(result42(in)) }
	names, text := c.visitor.open("POST", "/chat/stream", question("Hi")).rest()
	require.Equal(t, []string{"token", "sources", "done"}, names)
	require.Equal(t, answerOf42.Text, text)
}

// TestRelayLosesTheEnd: whatever part the relay delivered, the reader ends up
// with the whole text, once.
func TestRelayLosesTheEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		relayed []chatconnect.RelayEvent
		want    []string
	}{
		"part of the text":  {[]chatconnect.RelayEvent{token(1, "It costs ")}, []string{"token", "restart", "token", "sources", "done"}},
		"another text":      {[]chatconnect.RelayEvent{token(1, "Nonsense")}, []string{"token", "restart", "token", "sources", "done"}},
		"all but the end":   {[]chatconnect.RelayEvent{token(1, "It costs "), token(2, "42 <euros>.")}, []string{"token", "token", "sources", "done"}},
		"all but done":      {[]chatconnect.RelayEvent{token(1, answerOf42.Text), relayEvent(2, "sources", answerOf42.Sources)}, []string{"token", "sources", "done"}},
		"a restart's start": {[]chatconnect.RelayEvent{token(1, "x"), relayEvent(1_000_001, "restart", object{"attempt": 2})}, []string{"token", "restart", "token", "sources", "done"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setupChat(t, nil)
			c.publish(test.relayed...)
			s := c.visitor.open("POST", "/chat/stream", question("Hi"))
			r := <-c.started
			names, text := s.some(len(test.relayed)) // so that the grace is not what loses them
			<-r.asked                                // after the silence
			r.finish(result42(temporal.ChatInput{}))
			rest, end := s.rest()
			names = append(names, rest...)
			require.Equal(t, test.want, names)
			if !slices.Contains(rest, chatconnect.EventRestart) {
				end = text + end
			}
			require.Equal(t, answerOf42.Text, end)
		})
	}
}

// TestRelayWins: a relay that delivers within the grace is believed.
func TestRelayWins(t *testing.T) {
	t.Parallel()
	c := setupChat(t, func(timing *api.Timing) { timing.Silence, timing.Grace = time.Millisecond, 20*time.Second })
	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	r := <-c.started
	<-r.asked
	r.finish(result42(temporal.ChatInput{}))
	c.publish(token(1, "from the relay"), done(2))
	names, text := s.rest()
	require.Equal(t, []string{"token", "done"}, names)
	require.Equal(t, "from the relay", text)
}

// TestRelayComesBack: an outage in the middle costs nothing but time.
func TestRelayComesBack(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	r := <-c.started
	c.publish(token(1, "a"))
	_, err := s.next()
	require.NoError(t, err)
	c.relay.setDown(errors.New("connection reset"))
	<-r.asked // meanwhile the workflow is asked
	c.relay.setDown(nil)
	c.publish(token(2, "b"), done(3))
	names, text := s.rest()
	require.Equal(t, []string{"token", "done"}, names)
	require.Equal(t, "b", text)
}

func TestWorkflowFails(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*run){
		"told by its result": func(r *run) {
			r.finish(temporal.ChatResult{ErrorCode: "model_refused", ErrorMessage: "The model refused."})
		},
		"terminated": func(r *run) { r.fail(&sdktemporal.WorkflowExecutionError{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setupChat(t, nil)
			s := c.visitor.open("POST", "/chat/stream", question("Hi"))
			end(<-c.started)
			names, _ := s.rest()
			require.Equal(t, []string{"error"}, names)
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		c := setupChat(t, func(timing *api.Timing) { timing.Silence = time.Millisecond })
		s := c.visitor.open("POST", "/chat/stream", question("Hi"))
		r := <-c.started
		r.fail(errors.New("connection refused")) // of the question, not of the workflow
		<-r.asked
		c.publish(token(1, "a"), done(2))
		names, _ := s.rest()
		require.Equal(t, []string{"token", "done"}, names)
	})
}

func TestReattach(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	const path = "/chat/stream?sessionId=s1&messageId=m1"
	c.visitor.get(path).problem(t, 404, "message_unknown")

	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	<-c.started
	c.publish(token(1, "a"), token(2, "b"))
	for range 2 {
		_, err := s.next()
		require.NoError(t, err)
	}
	s.leave() // the connection breaks

	for name, again := range map[string]func() *stream{
		"header": func() *stream { return c.visitor.with("Last-Event-ID", "1").open("GET", path, nil) },
		"query":  func() *stream { return c.visitor.open("GET", path+"&lastEventId=1", nil) },
	} {
		s := again()
		e, err := s.next()
		require.NoError(t, err, name)
		require.Equal(t, sse{2, "token", `{"text":"b"}`}, e)
		s.leave()
	}
	s = c.visitor.with("Last-Event-ID", "2").open("GET", path, nil)
	c.publish(token(3, "c"), done(4))
	names, text := s.rest()
	require.Equal(t, []string{"token", "done"}, names)
	require.Equal(t, "c", text)

	names, text = c.visitor.open("GET", path, nil).rest()
	require.Equal(t, []string{"token", "token", "token", "done"}, names)
	require.Equal(t, "abc", text)
	require.Equal(t, 204, c.visitor.with("Last-Event-ID", "4").get(path).StatusCode, "there is nothing more")

	c.visitor.with("Last-Event-ID", "-1").get(path).problem(t, 400, "last_event_id_invalid")
	c.visitor.get("/chat/stream?sessionId=s1").problem(t, 400, "message_id_invalid")
	c.visitor.get("/chat/stream?messageId=m1").problem(t, 400, "session_id_invalid")
	_, foreign, other := c.tenant("b@example.com")
	c.bundle.visitor(foreign, other).get(path).problem(t, 404, "message_unknown")
	c.visitor.with("X-Api-Key", other).get(path).problem(t, 401, "session_token_invalid")
	c.noReaders()
}

// TestReattachBeyondTheRecord: Redis has lost the event that the reader had
// last, and what it holds now was written afterwards.
func TestReattachBeyondTheRecord(t *testing.T) {
	t.Parallel()
	for name, attach := range map[string]func(*chatting) *stream{
		"GET": func(c *chatting) *stream {
			return c.visitor.with("Last-Event-ID", "1000005").open("GET", "/chat/stream?sessionId=s1&messageId=m1", nil)
		},
		"POST": func(c *chatting) *stream {
			return c.visitor.with("Last-Event-ID", "1000005").open("POST", "/chat/stream", question("Hi"))
		},
	} {
		t.Run(name+", ended with fewer events", func(t *testing.T) {
			t.Parallel()
			c := setupChat(t, nil)
			c.visitor.open("POST", "/chat/stream", question("Hi")).leave()
			r := <-c.started
			c.publish(token(1, answerOf42.Text), relayEvent(2, "sources", answerOf42.Sources), done(3))
			s := attach(c)
			r.finish(result42(temporal.ChatInput{}))
			s.last = 1_000_005
			names, text := s.rest()
			require.Equal(t, []string{"restart", "token", "sources", "done"}, names)
			require.Equal(t, answerOf42.Text, text)
		})
		t.Run(name+", being written anew", func(t *testing.T) {
			t.Parallel()
			c := setupChat(t, long)
			c.visitor.open("POST", "/chat/stream", question("Hi")).leave()
			<-c.started
			c.publish(token(1, "half"))
			s := attach(c)
			c.publish(relayEvent(1_000_001, "restart", object{"attempt": 2}))
			for id := int64(1_000_002); id < 1_000_006; id++ {
				c.publish(token(id, "read "))
			}
			c.publish(token(1_000_006, "unread"), done(1_000_007))
			s.last = 1_000_005
			names, text := s.rest()
			require.Equal(t, []string{"token", "done"}, names)
			require.Equal(t, "unread", text)
		})
	}
}

// TestReattachWithoutRelay: the reader's text is not known here, so it is
// replaced.
func TestReattachWithoutRelay(t *testing.T) {
	t.Parallel()
	c := setupChat(t, nil)
	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	r := <-c.started
	s.leave()
	r.finish(result42(temporal.ChatInput{}))
	s = c.visitor.with("Last-Event-ID", "7").open("GET", "/chat/stream?sessionId=s1&messageId=m1", nil)
	s.last = 7
	names, text := s.rest()
	require.Equal(t, []string{"restart", "token", "sources", "done"}, names)
	require.Equal(t, answerOf42.Text, text)
}

// TestReaderLeaves: only the reading ends.
func TestReaderLeaves(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	r := <-c.started
	c.publish(token(1, "a"))
	_, err := s.next()
	require.NoError(t, err)
	s.leave()
	c.noReaders()
	select {
	case <-r.ended:
		t.Fatal("the workflow was touched")
	default:
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	c := setupChat(t, long)
	require.Equal(t, 200, c.visitor.get("/readyz").StatusCode)
	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	c.publish(token(1, "a"))
	_, err := s.next()
	require.NoError(t, err)
	c.server.Drain()
	e, err := s.next()
	require.NoError(t, err)
	require.Equal(t, sse{0, "reconnect", "{}"}, e)
	_, err = s.next()
	require.ErrorIs(t, err, io.EOF)
	c.visitor.get("/readyz").problem(t, 503, "draining")
	require.JSONEq(t, `{"status":"unavailable"}`, string(c.visitor.get("/health").body))
	operator := c.browser().with("X-Internal-Secret", "internal secret")
	require.Equal(t, "draining", operator.get("/health").json(t)["status"])
	require.Equal(t, 200, c.visitor.get("/livez").StatusCode)
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	c := setupChat(t, func(timing *api.Timing) { timing.Silence, timing.Heartbeat = time.Hour, time.Millisecond })
	s := c.visitor.open("POST", "/chat/stream", question("Hi"))
	for range 3 {
		require.True(t, s.lines.Scan())
		require.Equal(t, ": keep-alive", s.lines.Text())
		require.True(t, s.lines.Scan())
		require.Empty(t, s.lines.Text())
	}
	c.publish(done(1))
	names, _ := s.rest()
	require.Equal(t, []string{"done"}, names)
}

// TestReaderStopsReading: a connection that takes no more bytes is let go
// after the write deadline, while it is still open.
func TestReaderStopsReading(t *testing.T) {
	t.Parallel()
	c := setupChat(t, func(timing *api.Timing) { timing.Silence, timing.Write = time.Hour, time.Second })
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(c.http.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	body := `{"message":"Hi","sessionId":"s1","messageId":"m1"}`
	_, err = fmt.Fprintf(conn, "POST /chat/stream HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nX-Session-Token: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		c.visitor.header.Get("X-Api-Key"), c.visitor.header.Get("X-Session-Token"), len(body), body)
	require.NoError(t, err)
	<-c.started
	words := strings.Repeat("x", 1<<20)
	for id := range int64(64) { // more than the socket's buffers hold
		c.publish(token(id+1, words))
	}
	require.Eventually(t, func() bool { return strings.Contains(c.log.String(), "reader of an answer is gone") }, time.Minute, time.Millisecond, "nothing says that the reader is gone; log:\n%s", c.log)
	c.noReaders()
}
