package llm

import (
	"fmt"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/anthropic"
)

// newAnthropic returns a model behind Anthropic's messages API.
func newAnthropic(key, baseURL, model string, maxTokens int, doer *Doer) (*chatModel, error) {
	if strings.TrimSpace(key) == "" {
		return nil, errNoKey
	}
	base, err := anthropicBaseURL(baseURL)
	if err != nil {
		return nil, err
	}
	client, err := anthropic.New(
		anthropic.WithToken(strings.TrimSpace(key)),
		anthropic.WithBaseURL(base),
		anthropic.WithModel(model),
		anthropic.WithHTTPClient(doer),
	)
	if err != nil {
		return nil, fmt.Errorf("anthropic client: %w", err)
	}
	return &chatModel{
		provider: "anthropic", model: model, maxTokens: maxTokens, llm: client,
		messages: anthropicMessages, minCached: minCachedTokens(model),
		usage: func(info map[string]any) metered {
			// Anthropic counts what it read from and wrote to its cache apart
			// from input_tokens; the three together are the input.
			cached, written := number(info, "CacheReadInputTokens"), number(info, "CacheCreationInputTokens")
			return metered{cacheWrites: written, Usage: chatconnect.Usage{
				InputTokens:  number(info, "InputTokens") + written + cached,
				OutputTokens: number(info, "OutputTokens"),
				CachedTokens: cached,
			}}
		},
	}, nil
}

// minCachedTokens is the shortest prefix that a model caches; Anthropic takes
// no notice of a mark on a shorter one. Source: Anthropic, "Prompt caching",
// 2025-11.
func minCachedTokens(model string) int {
	name := strings.ToLower(model)
	switch {
	case strings.Contains(name, "haiku-4"), strings.Contains(name, "opus-4-5"):
		return 4096
	case strings.Contains(name, "haiku"):
		return 2048
	}
	return 1024
}

// anthropicMessages places static text and passages in the system prompt;
// langchaingo joins the two, and the Doer parts them again into a cached and
// an uncached block (splitSystem).
func anthropicMessages(p rendered) []llms.MessageContent {
	messages := []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeSystem, p.static),
		llms.TextParts(llms.ChatMessageTypeSystem, "\n"+p.passages),
	}
	messages = append(messages, historyMessages(p.history)...)
	return append(messages, llms.TextParts(llms.ChatMessageTypeHuman, p.question))
}
