package llm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// orderEmbeddings reads an embeddings response and returns its body with the
// vectors in the order of their index: the API does not promise any, and
// langchaingo takes what comes. A response without indexes is left in order.
func orderEmbeddings(body *idleBody, record *call) (io.ReadCloser, error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxEmbeddingsBody+1))
	if err != nil {
		if ended := body.ctx.Err(); ended != nil && !errors.Is(err, errIdle) {
			return nil, ended
		}
		return nil, unavailable(fmt.Errorf("reading the embeddings: %w", opaque(err)))
	}
	if len(raw) > maxEmbeddingsBody {
		return nil, unavailable(errTooLarge)
	}
	type item struct {
		Object    string          `json:"object"`
		Index     *int            `json:"index"`
		Embedding json.RawMessage `json:"embedding"`
	}
	var response struct {
		Data  []item `json:"data"`
		Usage struct {
			PromptTokens int `json:"prompt_tokens"`
			TotalTokens  int `json:"total_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(raw, &response); err != nil {
		return nil, malformed(raw, err)
	}
	record.addEmbeddingTokens(max(response.Usage.PromptTokens, response.Usage.TotalTokens))
	indexed := 0
	seen := make([]bool, len(response.Data))
	for _, d := range response.Data {
		if d.Index == nil {
			continue
		}
		if i := *d.Index; i < 0 || i >= len(seen) || seen[i] {
			return nil, unavailable(fmt.Errorf("embedding index %d of %d is out of range or repeated", i, len(seen)))
		}
		seen[*d.Index] = true
		indexed++
	}
	inOrder := func(a, b item) int { return *a.Index - *b.Index }
	switch {
	case indexed == 0 || indexed == len(response.Data) && slices.IsSortedFunc(response.Data, inOrder):
		return io.NopCloser(bytes.NewReader(raw)), nil
	case indexed < len(response.Data):
		return nil, unavailable(errors.New("only some embeddings have an index"))
	}
	slices.SortFunc(response.Data, inOrder)
	if raw, err = json.Marshal(response); err != nil {
		return nil, malformed(raw, err)
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}
