package llm

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// openaiEvents reads chat.completion.chunk objects, ended by [DONE].
type openaiEvents struct{}

type openaiDelta struct {
	Content string `json:"content"`
}

type openaiChoice struct {
	Index        int         `json:"index"`
	Delta        openaiDelta `json:"delta"`
	FinishReason *string     `json:"finish_reason"`
}

type openaiChunk struct {
	Choices []openaiChoice  `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
}

func (openaiEvents) event(data []byte, record *call) ([]byte, bool, error) {
	data = bytes.TrimSpace(data)
	if bytes.Equal(data, []byte("[DONE]")) {
		return []byte("data: [DONE]\n\n"), true, nil
	}
	var chunk struct {
		openaiChunk
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(data, &chunk); err != nil {
		return nil, false, malformed(data, err)
	}
	if len(chunk.Error) > 0 && !bytes.Equal(chunk.Error, []byte("null")) {
		kind, code, message := parseErrorBody(data)
		return nil, false, classify(&APIError{Status: http.StatusOK, Type: kind, Code: code, Message: shorten(message, 500)}, 0)
	}
	if len(chunk.Choices) == 0 && len(chunk.Usage) == 0 {
		return nil, false, nil
	}
	content := ""
	var finish *string
	if len(chunk.Choices) > 0 {
		content, finish = chunk.Choices[0].Delta.Content, chunk.Choices[0].FinishReason
		if finish != nil && *finish != "" {
			record.setStopReason(*finish)
		}
	}
	// Written anew: only what langchaingo needs, never on a long line.
	var out bytes.Buffer
	parts := pieces(content)
	for i, part := range parts {
		last := i == len(parts)-1
		piece := openaiChunk{}
		if len(chunk.Choices) > 0 {
			choice := openaiChoice{Delta: openaiDelta{Content: part}}
			if last {
				choice.FinishReason = finish
			}
			piece.Choices = []openaiChoice{choice}
		}
		if last {
			piece.Usage = chunk.Usage
		}
		line, err := json.Marshal(piece)
		if err != nil {
			return nil, false, malformed(data, err)
		}
		writeEvent(&out, line)
	}
	return out.Bytes(), false, nil
}

func writeEvent(out *bytes.Buffer, line []byte) {
	out.WriteString("data: ")
	out.Write(line)
	out.WriteString("\n\n")
}
