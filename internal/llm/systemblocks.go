package llm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

type systemBlock struct {
	Type         string            `json:"type"`
	Text         string            `json:"text"`
	CacheControl map[string]string `json:"cache_control,omitempty"`
}

// splitSystem rewrites the system string of a messages request, which is all
// langchaingo can send, into blocks: the static part, marked to be cached,
// and the rest, which changes with every question. A request whose system
// text does not begin with static is left as it is.
func splitSystem(req *http.Request, static string) error {
	if static == "" {
		return nil
	}
	return editBody(req, func(fields map[string]json.RawMessage) error {
		var system string
		known := json.Unmarshal(fields["system"], &system) == nil && strings.HasPrefix(system, static)
		if !known {
			return nil
		}
		blocks := []systemBlock{{Type: "text", Text: static, CacheControl: map[string]string{"type": "ephemeral"}}}
		if dynamic := strings.TrimSpace(system[len(static):]); dynamic != "" { // empty blocks are refused
			blocks = append(blocks, systemBlock{Type: "text", Text: dynamic})
		}
		encoded, err := json.Marshal(blocks)
		if err != nil {
			return fmt.Errorf("writing the system blocks: %w", err)
		}
		fields["system"] = encoded
		return nil
	})
}

// dropTemperature takes the temperature out of a request: langchaingo sends 0
// where none is given.
func dropTemperature(req *http.Request) error {
	return editBody(req, func(fields map[string]json.RawMessage) error {
		delete(fields, "temperature")
		return nil
	})
}

// editBody replaces a request's JSON object by an edited one.
func editBody(req *http.Request, edit func(fields map[string]json.RawMessage) error) error {
	if req.Body == nil {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return fmt.Errorf("parsing the request: %w", err)
	}
	if err := edit(fields); err != nil {
		return err
	}
	if body, err = json.Marshal(fields); err != nil {
		return fmt.Errorf("writing the request: %w", err)
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return nil
}
