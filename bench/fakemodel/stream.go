package fakemodel

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// wire writes one provider's streaming form.
type wire struct {
	endpoint string
	open     func() error          // before the first token
	token    func(string) error    // one token
	close    func(count int) error // after the last, with the end marker
}

// stream sends tokens at the pace of the knobs, and what the fault asks for.
func (x *exchange) stream(tokens []string, w wire) {
	fault := x.fault
	if err := x.wait(x.started.Add(time.Duration(x.knobs.TTFT))); err != nil {
		return
	}
	x.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	x.w.Header().Set("Cache-Control", "no-cache")
	x.w.WriteHeader(http.StatusOK)
	if w.open() != nil {
		return
	}
	next := time.Now()
	for i, token := range tokens {
		if fault != nil && i == fault.AfterTokens {
			if fault.Kind != FaultPause {
				break
			}
			if x.pause() != nil {
				return
			}
			next = time.Now()
		}
		if i > 0 {
			next = next.Add(time.Duration(x.knobs.Gap))
			if x.wait(next) != nil {
				return
			}
		}
		if w.token(token) != nil {
			return
		}
	}
	if fault != nil {
		switch fault.Kind {
		case FaultHang:
			x.hang()
		case FaultStreamError:
			_ = x.event("error", errorBody(w.endpoint, "overloaded_error", "Overloaded. Secret provider text."))
			return
		case FaultCut:
			if fault.Abrupt {
				panic(http.ErrAbortHandler)
			}
			return // the HTTP body ends properly; only the end marker is missing
		}
	}
	_ = w.close(len(tokens))
}

// event writes one server-sent event and flushes it. Anthropic's have a name,
// OpenAI's have none.
func (x *exchange) event(name string, data any) error {
	payload, ok := data.(string)
	if !ok {
		raw, err := json.Marshal(data)
		if err != nil {
			return err
		}
		payload = string(raw)
	}
	text := "data: " + payload + "\n\n"
	if name != "" {
		text = "event: " + name + "\n" + text
	}
	if _, err := x.w.Write([]byte(text)); err != nil {
		return err
	}
	return http.NewResponseController(x.w).Flush()
}

// tokensOf cuts text into words with the space before them, and makes them n
// if n > 0, with filler words at the end or less text.
func tokensOf(text string, n int) []string {
	var tokens []string
	for part := range strings.SplitAfterSeq(text, " ") {
		if part != "" {
			tokens = append(tokens, part)
		}
	}
	if n > 0 {
		for len(tokens) < n {
			tokens = append(tokens, fmt.Sprintf(" word%d", len(tokens)+1))
		}
		tokens = tokens[:n]
	}
	return tokens
}

// countTokens is the fake's measure of a text: four bytes are a token.
func countTokens(text string) int { return (len(text) + 3) / 4 }
