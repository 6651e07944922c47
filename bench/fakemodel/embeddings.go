package fakemodel

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"net/http"
	"time"
)

// embeddingRequest is the body of POST /v1/embeddings.
type embeddingRequest struct {
	Model          string          `json:"model"`
	Input          json.RawMessage `json:"input"`
	Dimensions     int             `json:"dimensions"`
	EncodingFormat string          `json:"encoding_format"`
}

// parseEmbeddingRequest returns the request and its texts. Its input is one text
// or a list.
func parseEmbeddingRequest(body []byte) (request embeddingRequest, texts []string, err error) {
	if err := json.Unmarshal(body, &request); err != nil {
		return request, nil, err
	}
	if err := json.Unmarshal(request.Input, &texts); err == nil {
		return request, texts, nil
	}
	texts = make([]string, 1)
	return request, texts, json.Unmarshal(request.Input, &texts[0])
}

// EmbeddingTokens counts the tokens that an answer to this embedding request
// reports as used. It returns 0 for any other request.
func (r Request) EmbeddingTokens() int {
	if r.Endpoint != EndpointEmbeddings {
		return 0
	}
	_, texts, err := parseEmbeddingRequest(r.Body)
	if err != nil {
		return 0
	}
	return sumTokens(texts)
}

func sumTokens(texts []string) (tokens int) {
	for _, text := range texts {
		tokens += countTokens(text)
	}
	return tokens
}

// embeddings answers POST /v1/embeddings.
func (s *Server) embeddings(x *exchange) {
	request, texts, err := parseEmbeddingRequest(x.body)
	if err != nil || request.Model == "" || len(texts) == 0 || len(texts) > 2048 || request.Dimensions < 0 || request.Dimensions > 1<<16 {
		x.fail(EndpointEmbeddings, http.StatusBadRequest, "invalid_request_error", "model and 1 to 2048 inputs are required", 0)
		return
	}
	dimensions := request.Dimensions
	if dimensions == 0 {
		dimensions = 1536
		if request.Model == "text-embedding-3-large" {
			dimensions = 3072
		}
	}
	data := make([]any, len(texts))
	for i, text := range texts {
		if text == "" {
			x.fail(EndpointEmbeddings, http.StatusBadRequest, "invalid_request_error", "input can't be an empty string", 0)
			return
		}
		var vector any = Vector(text, dimensions)
		if request.EncodingFormat == "base64" {
			vector = packed(Vector(text, dimensions))
		}
		// Last first: the API promises no order, so that clients must sort.
		data[len(texts)-1-i] = map[string]any{"object": "embedding", "index": i, "embedding": vector}
	}
	if x.wait(x.started.Add(time.Duration(x.knobs.EmbedLatency))) != nil {
		return
	}
	tokens := sumTokens(texts)
	writeJSON(x.w, http.StatusOK, map[string]any{
		"object": "list", "model": request.Model, "data": data,
		"usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens},
	})
}

// Vector is the fake embedding of a text: its keywords hashed into a bag,
// scaled to unit length. Texts that share words are near.
func Vector(text string, dimensions int) []float32 {
	sums := make([]float64, dimensions)
	for w := range keywords(text) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(w)) // never fails
		sum := h.Sum64()
		sum ^= sum >> 29
		sum *= 0xbf58476d1ce4e5b9
		sum ^= sum >> 32
		if sum>>63 == 1 {
			sums[sum%uint64(dimensions)]--
		} else {
			sums[sum%uint64(dimensions)]++
		}
	}
	var squares float64 // of small integers: exact in any order
	for _, v := range sums {
		squares += v * v
	}
	vector := make([]float32, dimensions)
	if squares == 0 {
		vector[0] = 1
		return vector
	}
	for i, v := range sums {
		vector[i] = float32(v / math.Sqrt(squares))
	}
	return vector
}

func packed(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
