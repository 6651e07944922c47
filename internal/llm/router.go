package llm

import (
	"context"
	"fmt"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Default models, used where Options name none.
const (
	DefaultFreeModel      = "gpt-4o-mini"
	DefaultPaidModel      = "claude-sonnet-4-5"
	DefaultEmbeddingModel = "text-embedding-3-large"
)

// Options say which models to use. Every field may be empty: without any key
// the offline models answer and embed.
type Options struct {
	OpenAIKey string
	// OpenAIBaseURL is like https://host/v1; "/v1" is added if there is no path.
	OpenAIBaseURL string
	AnthropicKey  string
	// AnthropicBaseURL is like https://host or https://host/v1.
	AnthropicBaseURL string

	FreeModel string // for chatconnect.TierFree
	PaidModel string // for chatconnect.TierPaid

	EmbeddingModel      string
	EmbeddingDimensions int // 0: the model's own

	MaxOutputTokens int // of an answer; 0: 1024
	Timeouts        Timeouts
}

func (o Options) withDefaults() Options {
	or := func(value, fallback string) string {
		if value = strings.TrimSpace(value); value == "" {
			return fallback
		}
		return value
	}
	o.OpenAIKey, o.AnthropicKey = strings.TrimSpace(o.OpenAIKey), strings.TrimSpace(o.AnthropicKey)
	o.FreeModel, o.PaidModel = or(o.FreeModel, DefaultFreeModel), or(o.PaidModel, DefaultPaidModel)
	o.EmbeddingModel = or(o.EmbeddingModel, DefaultEmbeddingModel)
	if o.MaxOutputTokens <= 0 {
		o.MaxOutputTokens = defaultMaxOutputTokens
	}
	return o
}

// isClaude tells a model's provider from its name: claude-* is Anthropic's,
// everything else goes to the OpenAI-compatible server.
func isClaude(model string) bool { return strings.HasPrefix(strings.ToLower(model), "claude") }

// choose returns the model that answers a tier: the wanted one if its
// provider has a key, else a configured one of the provider that has, else
// that provider's default. "" means none has.
func (o Options) choose(wanted string) string {
	has := func(model string) bool {
		if isClaude(model) {
			return o.AnthropicKey != ""
		}
		return o.OpenAIKey != ""
	}
	for _, model := range []string{wanted, o.FreeModel, o.PaidModel, DefaultFreeModel, DefaultPaidModel} {
		if has(model) {
			return model
		}
	}
	return ""
}

// router sends a prompt to its tier's model.
type router struct {
	free, paid chatconnect.Model
}

func (r router) of(tier chatconnect.Tier) chatconnect.Model {
	if tier == chatconnect.TierPaid {
		return r.paid
	}
	return r.free
}

// Name implements chatconnect.Model.
func (r router) Name(tier chatconnect.Tier) (provider, model string) { return r.of(tier).Name(tier) }

// Generate implements chatconnect.Model.
func (r router) Generate(ctx context.Context, prompt chatconnect.Prompt, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	return r.of(prompt.Tier).Generate(ctx, prompt, onToken)
}

// NewModel returns the model that picks another by the prompt's tier, and one
// sentence for people that says what is used. It makes no request; it fails
// only on options that can't be right.
func NewModel(options Options) (chatconnect.Model, string, error) {
	o := options.withDefaults()
	free, paid := o.choose(o.FreeModel), o.choose(o.PaidModel)
	if free == "" {
		return NewExtractive(), "Answers are quoted from your documents by the built-in extractive model; no API key is set.", nil
	}
	doer := NewDoer(o.Timeouts)
	build := func(model string) (chatconnect.Model, string, error) {
		if isClaude(model) {
			m, err := newAnthropic(o.AnthropicKey, o.AnthropicBaseURL, model, o.MaxOutputTokens, doer)
			return m, model + " (Anthropic)", err
		}
		m, err := newOpenAI(o.OpenAIKey, o.OpenAIBaseURL, model, o.MaxOutputTokens, doer)
		return m, model + " (OpenAI)", err
	}
	freeModel, freeName, err := build(free)
	if err != nil {
		return nil, "", fmt.Errorf("model for the free tier: %w", err)
	}
	if free == paid {
		return freeModel, "Answers are written by " + freeName + ".", nil
	}
	paidModel, paidName, err := build(paid)
	if err != nil {
		return nil, "", fmt.Errorf("model for the paid tier: %w", err)
	}
	return router{free: freeModel, paid: paidModel},
		"Answers are written by " + freeName + " on the free tier and " + paidName + " on the paid tier.", nil
}

// NewEmbedder returns OpenAI's embedder when its key is set, else the local
// one, and one sentence that says which.
func NewEmbedder(options Options) (chatconnect.Embedder, string, error) {
	o := options.withDefaults()
	if o.OpenAIKey == "" {
		return NewLocalEmbedder(), "Search uses the built-in local embedder; no OpenAI key is set.", nil
	}
	e, err := newOpenAIEmbedder(o.OpenAIKey, o.OpenAIBaseURL, o.EmbeddingModel, o.EmbeddingDimensions, NewDoer(o.Timeouts))
	if err != nil {
		return nil, "", fmt.Errorf("embedder: %w", err)
	}
	return e, fmt.Sprintf("Search uses %s (OpenAI) with %d dimensions.", e.model, e.dimensions), nil
}
