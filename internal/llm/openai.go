package llm

import (
	"fmt"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"
)

// newOpenAI returns a model behind the chat completions API of OpenAI or of a
// server that speaks it.
func newOpenAI(key, baseURL, model string, maxTokens int, doer *Doer) (*chatModel, error) {
	client, err := newOpenAIClient(key, baseURL, doer, openai.WithModel(model))
	if err != nil {
		return nil, err
	}
	return &chatModel{
		provider: "openai", model: model, maxTokens: maxTokens, llm: client,
		messages: openaiMessages,
		usage: func(info map[string]any) metered {
			return metered{Usage: chatconnect.Usage{
				InputTokens:  number(info, "PromptTokens"),
				OutputTokens: number(info, "CompletionTokens"),
				CachedTokens: number(info, "PromptCachedTokens"),
			}}
		},
	}, nil
}

// newOpenAIClient sets every option that langchaingo would otherwise take
// from the environment behind our back.
func newOpenAIClient(key, baseURL string, doer *Doer, options ...openai.Option) (*openai.LLM, error) {
	if strings.TrimSpace(key) == "" {
		return nil, errNoKey
	}
	base, err := openAIBaseURL(baseURL)
	if err != nil {
		return nil, err
	}
	client, err := openai.New(append([]openai.Option{
		openai.WithToken(strings.TrimSpace(key)),
		openai.WithBaseURL(base),
		openai.WithOrganization(""),
		openai.WithAPIType(openai.APITypeOpenAI),
		openai.WithHTTPClient(doer),
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("openai client: %w", err)
	}
	return client, nil
}

// openaiMessages places the passages in the user's message: there they weigh
// no more than a user's words. OpenAI caches the longest common prefix by
// itself, here the static text and the history. All is one message, because
// some compatible servers refuse two of the same role in a row.
func openaiMessages(p rendered) []llms.MessageContent {
	messages := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeSystem, p.static)}
	messages = append(messages, historyMessages(p.history)...)
	return append(messages, llms.TextParts(llms.ChatMessageTypeHuman, p.passages+"\nQuestion: "+p.question))
}

func historyMessages(history []chatconnect.Turn) []llms.MessageContent {
	messages := make([]llms.MessageContent, 0, 2*len(history))
	for _, turn := range history {
		messages = append(messages,
			llms.TextParts(llms.ChatMessageTypeHuman, turn.Question),
			llms.TextParts(llms.ChatMessageTypeAI, turn.Answer))
	}
	return messages
}
