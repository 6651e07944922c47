package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

// stream reads the events of one answer.
type stream struct {
	t      testing.TB
	lines  *bufio.Reader
	close  func()
	lastID int64
	text   string // as a visitor sees it now
	tokens int    // token events since the last restart
	starts int    // restart events

	sources []chatconnect.Source
	done    struct {
		MessageID chatconnect.MessageID
		Status    chatconnect.ChatStatus
		Usage     chatconnect.Usage
		Sources   []chatconnect.Source
		Cached    bool
	}
	failure struct{ Code, Message string }
}

// openStream sends a request whose answer is an event stream.
func openStream(t testing.TB, method, url, key string, body any, lastID int64) *stream {
	t.Helper()
	for began := time.Now(); ; {
		s, refused := tryStream(t, method, url, key, body, lastID)
		if s != nil || !refused.late(method, url, body) || time.Since(began) > patience {
			refused.is(http.StatusOK)
			return s
		}
		t.Logf("%s %s: asked again after %s", method, url, refused.body)
	}
}

// tryStream is openStream if the answer may be another: then there is no
// stream.
func tryStream(t testing.TB, method, url, key string, body any, lastID int64) (*stream, response) {
	t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(encoded))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("x-api-key", key)
	if token := sessionToken(url, body); token != "" {
		request.Header.Set("X-Session-Token", token)
	}
	if lastID > 0 {
		request.Header.Set("Last-Event-ID", strconv.FormatInt(lastID, 10))
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	if answer.StatusCode != http.StatusOK {
		defer cancel()
		defer answer.Body.Close()
		read, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return nil, response{t, answer.StatusCode, answer.Header, read}
	}
	s := &stream{t: t, lines: bufio.NewReader(answer.Body), lastID: lastID, close: func() { answer.Body.Close(); cancel() }}
	t.Cleanup(s.close)
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	require.Equal(t, "no", answer.Header.Get("X-Accel-Buffering"))
	return s, response{t: t, status: answer.StatusCode, header: answer.Header}
}

func (c *tenant) stream(body any) *stream {
	c.t.Helper()
	return openStream(c.t, http.MethodPost, c.base+"/chat/stream", c.PublishableKey, body, 0)
}

// next reads one event, checks its id and takes it in. It returns the event's
// type, or "" if the connection ended.
func (s *stream) next() string {
	s.t.Helper()
	var kind, data string
	var id int64
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return ""
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && kind != "":
			s.take(kind, id, data)
			return kind
		case field == "event":
			kind = value
		case field == "data":
			data += value
		case field == "id":
			id, err = strconv.ParseInt(value, 10, 64)
			require.NoError(s.t, err)
		}
	}
}

func (s *stream) take(kind string, id int64, data string) {
	s.t.Helper()
	if kind != "reconnect" {
		require.Greater(s.t, id, s.lastID, "ids rise strictly")
		s.lastID = id
	}
	decode := func(target any) { require.NoError(s.t, json.Unmarshal([]byte(data), target), data) }
	switch kind {
	case chatconnect.EventToken:
		var token struct{ Text string }
		decode(&token)
		s.text += token.Text
		s.tokens++
	case chatconnect.EventRestart:
		s.text, s.tokens = "", 0
		s.starts++
	case chatconnect.EventSources:
		decode(&s.sources)
	case chatconnect.EventDone:
		decode(&s.done)
	case chatconnect.EventError:
		decode(&s.failure)
	}
}

// read reads until the visitor has so many words of the answer; in how many
// events they come is up to the machine.
func (s *stream) read(words int) {
	s.t.Helper()
	for len(strings.Fields(s.text)) < words {
		require.Equal(s.t, chatconnect.EventToken, s.next())
	}
}

// finish reads to the end of the answer.
func (s *stream) finish() *stream {
	s.t.Helper()
	for {
		switch s.next() {
		case chatconnect.EventDone:
			require.Equal(s.t, s.sources, s.done.Sources)
			return s
		case chatconnect.EventError:
			return s
		case "":
			s.t.Fatalf("the stream ended without a terminal event, after %q", s.text)
		}
	}
}
