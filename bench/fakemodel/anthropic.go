package fakemodel

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// block is a piece of a prompt; mark says that it has a cache_control.
type block struct {
	text string
	mark bool
}

// blocks are a system text or a message's content: a string, or blocks.
type blocks []block

// UnmarshalJSON reads either form.
func (b *blocks) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*b = blocks{{text: text}}
		return nil
	}
	var parts []struct {
		Text         string          `json:"text"`
		CacheControl json.RawMessage `json:"cache_control"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		*b = append(*b, block{p.Text, len(p.CacheControl) > 0 && string(p.CacheControl) != "null"})
	}
	return nil
}

func (b blocks) text() string {
	var out strings.Builder
	for _, part := range b {
		out.WriteString(part.text + "\n")
	}
	return out.String()
}

type messagesRequest struct {
	Model     string `json:"model"`
	MaxTokens int    `json:"max_tokens"`
	System    blocks `json:"system"`
	Messages  []struct {
		Role    string `json:"role"`
		Content blocks `json:"content"`
	} `json:"messages"`
	Stream bool `json:"stream"`
}

// messages answers POST /v1/messages.
func (s *Server) messages(x *exchange) {
	var request messagesRequest
	switch err := json.Unmarshal(x.body, &request); {
	case err != nil:
		x.fail(EndpointMessages, http.StatusBadRequest, "invalid_request_error", err.Error(), 0)
		return
	case request.Model == "" || request.MaxTokens <= 0 || len(request.Messages) == 0:
		x.fail(EndpointMessages, http.StatusBadRequest, "invalid_request_error", "model, max_tokens and messages are required", 0)
		return
	case x.r.Header.Get("Anthropic-Version") == "":
		x.fail(EndpointMessages, http.StatusBadRequest, "invalid_request_error", "anthropic-version: header is required", 0)
		return
	}
	all := append(blocks{}, request.System...)
	for _, m := range request.Messages {
		all = append(all, m.Content...)
	}
	for _, b := range all {
		if strings.TrimSpace(b.text) == "" {
			x.fail(EndpointMessages, http.StatusBadRequest, "invalid_request_error", "text content blocks must be non-empty", 0)
			return
		}
	}
	system, question := request.System.text(), request.Messages[len(request.Messages)-1].Content.text()
	reply := x.knobs.Text
	if x.knobs.Mode == ModeContext {
		reply = answer(system, system+question, question)
	}
	tokens, stop := tokensOf(reply, x.knobs.Tokens), "end_turn"
	if len(tokens) > request.MaxTokens {
		tokens, stop = tokens[:request.MaxTokens], "max_tokens"
	}
	usage := s.anthropicUsage(request.Model, all, x.knobs.MinCacheTokens)
	const id = "msg_fake"
	if !request.Stream {
		if x.wait(x.started.Add(time.Duration(x.knobs.TTFT)+time.Duration(len(tokens))*time.Duration(x.knobs.Gap))) != nil {
			return
		}
		usage["output_tokens"] = len(tokens)
		writeJSON(x.w, http.StatusOK, map[string]any{
			"id": id, "type": "message", "role": "assistant", "model": request.Model, "stop_reason": stop, "stop_sequence": nil,
			"content": []any{map[string]string{"type": "text", "text": strings.Join(tokens, "")}}, "usage": usage,
		})
		return
	}
	event := func(kind string, fields map[string]any) error {
		fields["type"] = kind
		return x.event(kind, fields)
	}
	x.stream(tokens, wire{
		endpoint: EndpointMessages,
		open: func() error {
			usage["output_tokens"] = 1
			if err := event("message_start", map[string]any{"message": map[string]any{
				"id": id, "type": "message", "role": "assistant", "model": request.Model,
				"content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": usage,
			}}); err != nil {
				return err
			}
			if err := event("content_block_start", map[string]any{"index": 0, "content_block": map[string]string{"type": "text", "text": ""}}); err != nil {
				return err
			}
			return event("ping", map[string]any{})
		},
		token: func(t string) error {
			return event("content_block_delta", map[string]any{"index": 0, "delta": map[string]string{"type": "text_delta", "text": t}})
		},
		close: func(count int) error {
			if err := event("content_block_stop", map[string]any{"index": 0}); err != nil {
				return err
			}
			if err := event("message_delta", map[string]any{
				"delta": map[string]any{"stop_reason": stop, "stop_sequence": nil}, "usage": map[string]int{"output_tokens": count},
			}); err != nil {
				return err
			}
			return event("message_stop", map[string]any{})
		},
	})
}

// anthropicUsage counts as Anthropic does: the prompt up to the last
// cache_control mark is read from the cache as far as an equal prefix has
// been seen, and written to it for the rest; input_tokens is what follows.
// Prefixes below the minimum are not cached.
func (s *Server) anthropicUsage(model string, all blocks, minimum int) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	prefix := model
	total, marked, read := 0, 0, 0
	for _, b := range all {
		prefix += "\x00" + b.text
		total += countTokens(b.text)
		if b.mark && total >= minimum {
			marked = total
			if s.cache.readMarked(prefix, now) {
				read = total
			}
		}
	}
	return map[string]any{
		"input_tokens": total - marked, "cache_read_input_tokens": read, "cache_creation_input_tokens": marked - read,
	}
}
