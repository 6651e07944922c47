package llm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/language/replies"
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
	// temperature is nil for a model that takes none.
	temperature *float64
	llm         llms.Model
	messages    func(rendered) []llms.MessageContent
	usage       func(info map[string]any) metered
	price       price
	minCached   int // tokens of the shortest text worth a cache_control; 0: none is
}

// metered is usage as it is paid for. CacheWrites are those of the input
// tokens that the provider wrote to its cache.
type metered struct {
	chatconnect.Usage
	cacheWrites int
}

// Name implements chatconnect.Model.
func (m *chatModel) Name(chatconnect.Tier) (provider, model string) { return m.provider, m.model }

// Generate implements chatconnect.Model.
func (m *chatModel) Generate(ctx context.Context, prompt chatconnect.Prompt, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	parts := renderPrompt(prompt)
	record := m.newCall()
	if m.minCached > 0 && estimateTokens(parts.static) >= m.minCached {
		record.systemStatic = parts.static
	}
	out := &answerWriter{ctx: ctx, onToken: onToken}
	messages := m.messages(parts)
	resp, err := m.llm.GenerateContent(withCall(ctx, record), messages, m.callOptions(
		func(_ context.Context, chunk []byte) error { return out.write(string(chunk)) })...)
	if out.echo.echoing {
		return m.refuseEcho(messages, out, localeOf(prompt))
	}
	// The order matters: langchaingo reports a cancelled stream as a short
	// answer, and hides the Doer's errors behind plain ones.
	if out.err != nil {
		return m.completion(messages, out, nil), out.err
	}
	if ended := ctx.Err(); ended != nil {
		return m.completion(messages, out, nil), ended
	}
	begun := chatconnect.Completion{} // nothing is owed for what has not begun
	if out.text.Len() > 0 {
		begun = m.completion(messages, out, nil)
	}
	if failed := record.failure(); failed != nil {
		return begun, fmt.Errorf("%s %s: %w", m.provider, m.model, failed)
	}
	if err != nil {
		return begun, unavailable(fmt.Errorf("%s %s: %w", m.provider, m.model, opaque(err)))
	}
	switch stop := record.stop(); stop {
	case "":
		return begun, unavailable(fmt.Errorf("%s %s: the answer has no stop reason", m.provider, m.model))
	case "content_filter", "refusal":
		return m.completion(messages, out, resp), final(CodeRefused, fmt.Errorf("%s %s stopped with %q", m.provider, m.model, stop))
	}
	if err := out.finish(localeOf(prompt)); err != nil {
		return m.completion(messages, out, resp), err
	}
	if out.text.Len() == 0 {
		return m.completion(messages, out, resp), m.empty(record.stop())
	}
	completion := m.completion(messages, out, resp)
	completion.Unanswered = out.unanswered(len(prompt.Passages))
	return completion, nil
}

func (m *chatModel) newCall() *call { return &call{withoutTemperature: m.temperature == nil} }

func (m *chatModel) callOptions(onChunk func(context.Context, []byte) error) []llms.CallOption {
	options := []llms.CallOption{llms.WithModel(m.model), llms.WithMaxTokens(m.maxTokens), llms.WithStreamingFunc(onChunk)}
	if m.temperature != nil {
		options = append(options, llms.WithTemperature(*m.temperature))
	}
	return options
}

// empty is the error of a call that ended without a word, which is paid for all
// the same. One that took all its tokens to think would do so again.
func (m *chatModel) empty(stop string) error {
	if stop == "length" || stop == "max_tokens" {
		return final(CodeRejected, fmt.Errorf("%s %s: its %d tokens were used up before the first word", m.provider, m.model, m.maxTokens))
	}
	return unavailable(fmt.Errorf("%s %s: the answer is empty", m.provider, m.model))
}

// complete asks for a short text that nobody reads as it is written.
func (m *chatModel) complete(ctx context.Context, messages []llms.MessageContent) (string, chatconnect.Completion, error) {
	record := m.newCall()
	out := &answerWriter{ctx: ctx, onToken: func(context.Context, string) error { return nil }}
	resp, err := m.llm.GenerateContent(withCall(ctx, record), messages, m.callOptions(
		func(_ context.Context, chunk []byte) error {
			out.text.Write(chunk)
			return nil
		})...)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case record.failure() != nil:
		err = record.failure()
	case err == nil && record.stop() == "":
		err = unavailable(errCut)
	}
	return out.text.String(), m.completion(messages, out, resp), err
}

// refuseEcho ends an answer that had begun to recite the rules.
func (m *chatModel) refuseEcho(messages []llms.MessageContent, out *answerWriter, locale language.Locale) (chatconnect.Completion, error) {
	text := replies.Say(replies.About, locale)
	if out.text.Len() > 0 {
		text = "\n\n" + text
	}
	out.err = nil
	err := out.emit(text)
	completion := m.completion(messages, out, nil)
	completion.Unanswered = true
	return completion, err
}

// completion is what has been written, also before the end; resp is then nil.
func (m *chatModel) completion(messages []llms.MessageContent, out *answerWriter, resp *llms.ContentResponse) chatconnect.Completion {
	completion := chatconnect.Completion{Text: out.text.String(), Provider: m.provider, Model: m.model}
	cacheWrites := 0
	if resp != nil && len(resp.Choices) > 0 {
		counted := m.usage(resp.Choices[0].GenerationInfo)
		completion.Usage, cacheWrites = counted.Usage, counted.cacheWrites
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
	completion.Cost = m.price.of(metered{completion.Usage, cacheWrites})
	return completion
}

// answerWriter passes tokens on without the no-answer marker, recited rules
// and markup that must not be, and keeps the whole text.
type answerWriter struct {
	ctx     context.Context //nolint:containedctx // lives as long as one call
	onToken func(context.Context, string) error
	filter  noAnswerFilter
	echo    echoGuard
	markup  markupGuard
	text    strings.Builder
	err     error
}

// errEcho ends a call whose answer recites the rules.
var errEcho = errors.New("the answer recites the system prompt")

func (w *answerWriter) write(token string) error {
	err := w.emit(w.markup.write(w.echo.write(w.filter.write(token))))
	if err == nil && w.echo.echoing {
		w.err = errEcho
		return errEcho
	}
	return err
}

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
func (w *answerWriter) finish(locale language.Locale) error {
	rest := w.markup.write(w.echo.write(w.filter.flush()))
	rest += w.markup.write(w.echo.flush()) + w.markup.flush()
	if err := w.emit(rest); err != nil {
		return err
	}
	if w.text.Len() == 0 && w.filter.found {
		return w.emit(replies.Say(replies.NothingFound, locale))
	}
	return nil
}

// unanswered is true when the answer began with the marker; a marker further
// on counts only if nothing is cited.
func (w *answerWriter) unanswered(passages int) bool {
	return w.filter.leading || w.filter.found && len(chatconnect.Citations(w.text.String(), passages)) == 0
}

// estimateTokens is a rough count where no provider counts, and where counting
// exactly would take longer than it is worth: a token for four bytes of ASCII,
// which holds for English prose within some 20 %, and for two and a half bytes
// of everything else (of Han, about one a character).
func estimateTokens(text string) int {
	ascii := 0
	for i := range len(text) {
		if text[i] < utf8.RuneSelf {
			ascii++
		}
	}
	return (5*ascii + 8*(len(text)-ascii) + 19) / 20
}

func number(info map[string]any, key string) int {
	n, _ := info[key].(int)
	return n
}

var errNoKey = errors.New("the API key is empty")
