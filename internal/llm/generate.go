package llm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/tmc/langchaingo/llms"
)

// defaultMaxOutputTokens bounds an answer.
const defaultMaxOutputTokens = 1024

// chatModel is a chatconnect.Model over one of langchaingo's models. The two
// providers differ in how they place a prompt and name their usage.
type chatModel struct {
	provider  string
	model     string
	maxTokens int
	llm       llms.Model
	messages  func(rendered) []llms.MessageContent
	usage     func(info map[string]any) chatconnect.Usage
}

// Name implements chatconnect.Model.
func (m *chatModel) Name(chatconnect.Tier) (provider, model string) { return m.provider, m.model }

// Generate implements chatconnect.Model.
func (m *chatModel) Generate(ctx context.Context, prompt chatconnect.Prompt, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	parts := renderPrompt(prompt)
	record := &call{systemStatic: parts.static}
	out := &answerWriter{ctx: ctx, onToken: onToken}
	messages := m.messages(parts)
	resp, err := m.llm.GenerateContent(withCall(ctx, record), messages,
		llms.WithModel(m.model),
		llms.WithMaxTokens(m.maxTokens),
		llms.WithStreamingFunc(func(_ context.Context, chunk []byte) error { return out.write(string(chunk)) }),
	)
	// The order matters: langchaingo reports a cancelled stream as a short
	// answer, and hides the Doer's errors behind plain ones.
	if out.err != nil {
		return m.completion(messages, out, nil), out.err
	}
	if ended := ctx.Err(); ended != nil {
		return m.completion(messages, out, nil), ended
	}
	if failed := record.failure(); failed != nil {
		return chatconnect.Completion{}, fmt.Errorf("%s %s: %w", m.provider, m.model, failed)
	}
	if err != nil {
		return chatconnect.Completion{}, unavailable(fmt.Errorf("%s %s: %w", m.provider, m.model, opaque(err)))
	}
	switch stop := record.stop(); stop {
	case "":
		return chatconnect.Completion{}, unavailable(fmt.Errorf("%s %s: the answer has no stop reason", m.provider, m.model))
	case "content_filter", "refusal":
		return chatconnect.Completion{}, final(CodeRefused, fmt.Errorf("%s %s stopped with %q", m.provider, m.model, stop))
	}
	if err := out.finish(prompt.Question); err != nil {
		return chatconnect.Completion{}, err
	}
	if out.text.Len() == 0 {
		return chatconnect.Completion{}, unavailable(fmt.Errorf("%s %s: the answer is empty", m.provider, m.model))
	}
	completion := m.completion(messages, out, resp)
	completion.Unanswered = out.unanswered(len(prompt.Passages))
	return completion, nil
}

// completion is what has been written, also before the end; resp is then nil.
func (m *chatModel) completion(messages []llms.MessageContent, out *answerWriter, resp *llms.ContentResponse) chatconnect.Completion {
	completion := chatconnect.Completion{Text: out.text.String(), Provider: m.provider, Model: m.model}
	if resp != nil && len(resp.Choices) > 0 {
		completion.Usage = m.usage(resp.Choices[0].GenerationInfo)
	}
	if completion.Usage.InputTokens == 0 { // some compatible servers don't count
		for _, message := range messages {
			for _, part := range message.Parts {
				completion.Usage.InputTokens += estimateTokens(fmt.Sprint(part))
			}
		}
	}
	if completion.Usage.OutputTokens == 0 {
		completion.Usage.OutputTokens = estimateTokens(completion.Text)
	}
	return completion
}

// answerWriter passes tokens on without the no-answer marker and keeps the
// whole text.
type answerWriter struct {
	ctx     context.Context //nolint:containedctx // lives as long as one call
	onToken func(context.Context, string) error
	filter  noAnswerFilter
	text    strings.Builder
	err     error
}

func (w *answerWriter) write(token string) error { return w.emit(w.filter.write(token)) }

func (w *answerWriter) emit(text string) error {
	if text == "" {
		return nil
	}
	if w.err != nil {
		return w.err
	}
	if w.err = w.ctx.Err(); w.err != nil {
		return w.err
	}
	if w.err = w.onToken(w.ctx, text); w.err != nil {
		return w.err
	}
	w.text.WriteString(text)
	return nil
}

// finish passes on what is held. A model that sent the marker and nothing
// else has said that it doesn't know: a sentence says so for it.
func (w *answerWriter) finish(question string) error {
	if err := w.emit(w.filter.flush()); err != nil {
		return err
	}
	if w.text.Len() == 0 && w.filter.found {
		return w.emit(dontKnow(languageOf(question)))
	}
	return nil
}

// unanswered is true when the answer began with the marker; a marker further
// on counts only if nothing is cited.
func (w *answerWriter) unanswered(passages int) bool {
	return w.filter.leading || w.filter.found && len(chatconnect.Citations(w.text.String(), passages)) == 0
}

// estimateTokens is a rough count where no provider counts: one token for
// four code points, which holds for English prose within some 20 %.
func estimateTokens(text string) int { return (len([]rune(text)) + 3) / 4 }

func number(info map[string]any, key string) int {
	n, _ := info[key].(int)
	return n
}

var errNoKey = errors.New("the API key is empty")
