package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	headerMessageID = "X-Message-Id"

	maxMetadataDepth = 8
	// maxMetadataValues bounds what 4 KB can hold in the worst case.
	maxMetadataValues = 256
)

// chatRequest is the body of POST /chat and /chat/stream.
type chatRequest struct {
	Message   string          `json:"message"`
	SessionID string          `json:"sessionId"`
	MessageID string          `json:"messageId"`
	Metadata  json.RawMessage `json:"metadata"`
}

// accepted is a question that may be asked.
type accepted struct {
	temporal.ChatInput
	sessionToken string            // of a session that begins with the question
	place        chatconnect.Place // of a stream; to be given back
}

// acceptQuestion reads, validates and counts a question. Without a sessionId,
// or with one that nobody has used, it begins a session.
func (s *Server) acceptQuestion(c *gin.Context, stream bool) (*accepted, error) {
	asked, owner := time.Now().UTC(), keyOwner(c)
	var in chatRequest
	if err := decodeJSON(c, maxChatBody, &in); err != nil {
		return nil, err
	}
	q := &accepted{ChatInput: temporal.ChatInput{ClientID: owner.ClientID, Tier: owner.Tier, AskedAt: asked,
		Language: string(language.OfHeader(c.GetHeader("Accept-Language")))}}
	var err error
	claim := false
	if in.SessionID != "" {
		if q.SessionID, claim, err = s.questionSession(c, in.SessionID); err != nil {
			return nil, err
		}
	}
	if in.MessageID == "" {
		in.MessageID = newID()
	} else if !chatconnect.ValidVisitorID(in.MessageID) {
		return nil, invalidVisitorID("message_id_invalid", "messageId")
	}
	q.MessageID = chatconnect.MessageID(in.MessageID)
	c.Header(headerMessageID, in.MessageID) // who left it to us needs it to come back
	if q.Text, err = validMessage(in.Message); err != nil {
		return nil, err
	}
	if q.Metadata, err = validMetadata(in.Metadata); err != nil {
		return nil, err
	}
	if in.SessionID == "" {
		q.SessionID, q.sessionToken = s.beginSession(c)
	}
	begins := in.SessionID == "" || claim && owner.Kind != chatconnect.KeySecret
	limits := s.chatLimits(c, q.SessionID, begins)
	if claim {
		// Counted first, so that guessing ids is limited as beginning sessions is.
		if err = s.throttle(c, limits...); err != nil {
			return nil, err
		}
		if err = s.claimSession(c, q); err != nil {
			return nil, err
		}
		limits = nil
	}
	if stream {
		q.place, err = s.admitStream(c, q.SessionID, limits)
		return q, err
	}
	return q, s.throttle(c, limits...)
}

func invalidVisitorID(code, field string) error {
	return chatconnect.Errorf(chatconnect.KindInvalid, code, "%s has 1 to 128 letters, digits or any of . _ ~ -, and begins with a letter or digit.", field)
}

// validMessage returns the message as the model will see it.
func validMessage(message string) (string, error) {
	text := cleanText(message)
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "", chatconnect.Errorf(chatconnect.KindInvalid, "message_empty", "The message is empty.")
	case n > chatconnect.MaxMessageRunes:
		return "", chatconnect.Errorf(chatconnect.KindInvalid, "message_too_long", "The message has %d characters; at most %d are accepted.", n, chatconnect.MaxMessageRunes)
	}
	return text, nil
}

// validMetadata returns the JSON object in raw, nil for none.
func validMetadata(raw json.RawMessage) (map[string]any, error) {
	invalid := func(format string, args ...any) error {
		return chatconnect.Errorf(chatconnect.KindInvalid, "metadata_invalid", format, args...)
	}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return nil, nil //nolint:nilnil // no metadata is not an error
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, invalid("metadata is not JSON.")
	}
	if compact.Len() > chatconnect.MaxMetadataBytes {
		return nil, invalid("metadata has more than %d bytes.", chatconnect.MaxMetadataBytes)
	}
	var metadata map[string]any
	if err := json.Unmarshal(raw, &metadata); err != nil {
		return nil, invalid("metadata is not a JSON object, or holds a number that is too large.")
	}
	count := 0
	cleaned, ok := cleanMetadata(metadata, 1, &count)
	if !ok {
		return nil, invalid("metadata is nested deeper than %d levels or has more than %d values.", maxMetadataDepth, maxMetadataValues)
	}
	metadata, _ = cleaned.(map[string]any)
	return metadata, nil
}

// cleanMetadata copies a JSON value without NUL characters, which Postgres
// can't keep in jsonb.
func cleanMetadata(value any, depth int, count *int) (any, bool) {
	if *count++; *count > maxMetadataValues || depth > maxMetadataDepth {
		return nil, false
	}
	switch v := value.(type) {
	case string:
		return strings.ReplaceAll(v, "\x00", ""), true
	case []any:
		list := make([]any, 0, len(v))
		for _, item := range v {
			cleaned, ok := cleanMetadata(item, depth+1, count)
			if !ok {
				return nil, false
			}
			list = append(list, cleaned)
		}
		return list, true
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, item := range v {
			cleaned, ok := cleanMetadata(item, depth+1, count)
			if !ok {
				return nil, false
			}
			object[strings.ReplaceAll(name, "\x00", "")] = cleaned
		}
		return object, true
	}
	return value, true
}
