package fakemodel

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// content is a message's text: a string, or parts.
type content string

// UnmarshalJSON joins the parts that are text.
func (c *content) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*c = content(text)
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		*c += content(p.Text)
	}
	return nil
}

type chatRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string  `json:"role"`
		Content content `json:"content"`
	} `json:"messages"`
	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           int `json:"max_tokens"`
	MaxCompletionTokens int `json:"max_completion_tokens"`
}

// chat answers POST /v1/chat/completions.
func (s *Server) chat(x *exchange) {
	var request chatRequest
	if err := json.Unmarshal(x.body, &request); err != nil || request.Model == "" || len(request.Messages) == 0 {
		x.fail(EndpointChat, http.StatusBadRequest, "invalid_request_error", "model and messages are required", 0)
		return
	}
	var system, prompt strings.Builder
	for _, m := range request.Messages {
		if m.Role == "system" || m.Role == "developer" {
			system.WriteString(string(m.Content) + "\n")
		}
		prompt.WriteString(m.Role + ":" + string(m.Content) + "\n")
	}
	last := string(request.Messages[len(request.Messages)-1].Content)
	reply := x.knobs.Text
	if x.knobs.Mode == ModeContext {
		// The passages may stand in a system message or before the question.
		question := last
		if i := strings.LastIndex(last, "\nQuestion: "); i >= 0 {
			question = last[i+len("\nQuestion: "):]
		}
		reply = answer(system.String(), system.String()+last, question)
	}
	tokens, finish := tokensOf(reply, x.knobs.Tokens), "stop"
	if limit := max(request.MaxTokens, request.MaxCompletionTokens); limit > 0 && len(tokens) > limit {
		tokens, finish = tokens[:limit], "length"
	}
	usage := s.openaiUsage(prompt.String(), len(tokens), x.knobs.MinCacheTokens)
	const id = "chatcmpl-fake"
	created := x.started.Unix()
	if !request.Stream {
		if x.wait(x.started.Add(time.Duration(x.knobs.TTFT)+time.Duration(len(tokens))*time.Duration(x.knobs.Gap))) != nil {
			return
		}
		writeJSON(x.w, http.StatusOK, map[string]any{
			"id": id, "object": "chat.completion", "created": created, "model": request.Model,
			"choices": []any{map[string]any{
				"index": 0, "finish_reason": finish,
				"message": map[string]string{"role": "assistant", "content": strings.Join(tokens, "")},
			}},
			"usage": usage,
		})
		return
	}
	chunk := func(choices []any, usage any) error {
		data := map[string]any{"id": id, "object": "chat.completion.chunk", "created": created, "model": request.Model, "choices": choices}
		if request.StreamOptions.IncludeUsage {
			data["usage"] = usage
		}
		return x.event("", data)
	}
	choice := func(delta map[string]string, finish any) []any {
		return []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}
	}
	x.stream(tokens, wire{
		endpoint: EndpointChat,
		open:     func() error { return chunk(choice(map[string]string{"role": "assistant", "content": ""}, nil), nil) },
		token:    func(t string) error { return chunk(choice(map[string]string{"content": t}, nil), nil) },
		close: func(int) error {
			if err := chunk(choice(map[string]string{}, finish), nil); err != nil {
				return err
			}
			if request.StreamOptions.IncludeUsage {
				if err := chunk([]any{}, usage); err != nil {
					return err
				}
			}
			return x.event("", "[DONE]")
		},
	})
}

// openaiUsage counts as OpenAI does: a prefix shared with an earlier prompt
// is cached from 1,024 tokens on, in steps of 128.
func (s *Server) openaiUsage(prompt string, output, minimum int) map[string]any {
	s.mu.Lock()
	shared := s.cache.longestPrefix(prompt) / 4
	s.mu.Unlock()
	cached := 0
	if shared >= minimum {
		cached = shared / 128 * 128
	}
	input := countTokens(prompt)
	return map[string]any{
		"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
		"prompt_tokens_details": map[string]int{"cached_tokens": cached},
	}
}
