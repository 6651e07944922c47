package llm

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// anthropicEvents reads the events of the messages API, ended by
// message_stop. Pings and events of a kind that is not known are dropped, as
// Anthropic asks of its clients; langchaingo would log or fail.
type anthropicEvents struct{}

func (anthropicEvents) event(data []byte, record *call) ([]byte, bool, error) {
	var event struct {
		Type  string `json:"type"`
		Index int    `json:"index"`
		Delta struct {
			Type       string `json:"type"`
			Text       string `json:"text"`
			StopReason string `json:"stop_reason"`
		} `json:"delta"`
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return nil, false, malformed(data, err)
	}
	var out bytes.Buffer
	switch event.Type {
	case "error":
		kind, code, message := parseErrorBody(data)
		return nil, false, classify(&APIError{Status: http.StatusOK, Type: kind, Code: code, Message: shorten(message, 500)}, 0)
	case "content_block_delta":
		if event.Delta.Type != "text_delta" {
			break // thinking, citations, tools: none was asked for
		}
		for _, part := range pieces(event.Delta.Text) {
			line, err := json.Marshal(map[string]any{
				"type": "content_block_delta", "index": event.Index,
				"delta": map[string]string{"type": "text_delta", "text": part},
			})
			if err != nil {
				return nil, false, malformed(data, err)
			}
			writeEvent(&out, line)
		}
	case "message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop":
		if event.Type == "message_delta" && event.Delta.StopReason != "" {
			record.setStopReason(event.Delta.StopReason)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, data); err != nil {
			return nil, false, malformed(data, err)
		}
		writeEvent(&out, line.Bytes())
	}
	return out.Bytes(), event.Type == "message_stop", nil
}
