package apiclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Visitor asks questions with a client's key.
type Visitor struct {
	Base string       // "http://host:port"
	Key  string       // publishable or secret
	HTTP *http.Client // without a Timeout: answers are streamed
}

// Session is a conversation and what proves that it is the visitor's.
type Session struct {
	ID    string `json:"sessionId"`
	Token string `json:"sessionToken"`
}

// NewSession begins a conversation.
func (v Visitor) NewSession(ctx context.Context) (Session, error) {
	var session Session
	request, err := v.request(ctx, http.MethodPost, "/chat/sessions", Session{}, nil)
	if err != nil {
		return session, err
	}
	content, err := exchange(v.HTTP, request)
	if err != nil {
		return session, err
	}
	return session, json.Unmarshal(content, &session)
}

// Ask asks in a session of its own and streams the answer.
func (v Visitor) Ask(ctx context.Context, message string) (*Stream, error) {
	body, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		return nil, err
	}
	request, err := v.request(ctx, http.MethodPost, "/chat/stream", Session{}, body)
	if err != nil {
		return nil, err
	}
	return v.stream(request)
}

// Attach streams an answer from its beginning.
func (v Visitor) Attach(ctx context.Context, session Session, messageID string) (*Stream, error) {
	query := url.Values{"sessionId": {session.ID}, "messageId": {messageID}}
	request, err := v.request(ctx, http.MethodGet, "/chat/stream?"+query.Encode(), session, nil)
	if err != nil {
		return nil, err
	}
	return v.stream(request)
}

func (v Visitor) request(ctx context.Context, method, path string, session Session, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, v.Base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("x-api-key", v.Key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if session.Token != "" {
		request.Header.Set("X-Session-Token", session.Token)
	}
	return request, nil
}

func (v Visitor) stream(request *http.Request) (*Stream, error) {
	response, err := v.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer func() { _ = response.Body.Close() }()
		content, err := read(response)
		if err == nil {
			err = fmt.Errorf("%s %s: %s: %s", request.Method, request.URL.Path, response.Status, content)
		}
		return nil, err
	}
	return &Stream{body: response.Body, lines: bufio.NewReader(response.Body)}, nil
}

// Event is one server-sent event.
type Event struct {
	ID   int64 // 0 if it has none
	Name string
	Data []byte // JSON
}

// Stream is an answer that is being read. Close it.
type Stream struct {
	body  io.ReadCloser
	lines *bufio.Reader
}

// Next waits for the next event, past comments. The stream's end is io.EOF;
// an end in mid-event is io.ErrUnexpectedEOF.
func (s *Stream) Next() (Event, error) {
	var event Event
	for {
		line, err := s.lines.ReadString('\n')
		if err == io.EOF && (line != "" || event.Name != "") { //nolint:errorlint // a Reader returns it bare
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Event{}, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			if event.ID, err = strconv.ParseInt(value, 10, 64); err != nil {
				return Event{}, fmt.Errorf("id of an event: %w", err)
			}
		case "event":
			event.Name = value
		case "data":
			event.Data = []byte(value)
		case "":
			if event.Name != "" {
				return event, nil
			}
		}
	}
}

// Close lets go of the answer. It goes on without this reader.
func (s *Stream) Close() { _ = s.body.Close() }
