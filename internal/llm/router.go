package llm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

	// AllowedModels are what a client may choose instead of its tier's model.
	AllowedModels []string
	FallbackModel string // asked when another is down; "": none
	Prices        Prices // the operator's own

	// Temperature is what answers are sampled with; nil leaves it to the provider.
	Temperature     *float64
	MaxOutputTokens int // of an answer; 0: 1024
	Timeouts        Timeouts
	Logger          *slog.Logger // nil: none
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
	o.AllowedModels = trimmed(o.AllowedModels)
	o.FallbackModel = strings.TrimSpace(o.FallbackModel)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxOutputTokens <= 0 {
		o.MaxOutputTokens = defaultMaxOutputTokens
	}
	return o
}

// trimmed drops what is empty.
func trimmed(names []string) []string {
	var kept []string
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" {
			kept = append(kept, name)
		}
	}
	return kept
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

// router sends a prompt to the client's own model, if the operator allows it,
// else to its tier's; when that is down, to the fallback.
type router struct {
	models   map[string]chatconnect.Model // by name
	options  Options
	fallback string // "" for none
	logger   *slog.Logger
}

// tired is the attempt from which on the fallback is asked first: the first
// model has broken off twice in mid-answer.
const tired = 3

// Name implements chatconnect.Model.
func (r router) Name(tier chatconnect.Tier) (provider, model string) {
	return r.models[r.options.answering(tier, "")].Name(tier)
}

// Generate implements chatconnect.Model. A model that fails before its first
// word is replaced at once, so that the visitor sees no more than a pause.
func (r router) Generate(ctx context.Context, prompt chatconnect.Prompt, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	name := r.options.answering(prompt.Tier, prompt.Model)
	order := []string{name}
	if r.fallback != "" && r.fallback != name {
		if order = append(order, r.fallback); prompt.Attempt >= tired {
			slices.Reverse(order)
		}
	}
	var vain chatconnect.Completion // what a model took and gave nothing for
	for i, name := range order {
		spoken := false
		completion, err := r.models[name].Generate(ctx, prompt, func(ctx context.Context, text string) error {
			spoken = true
			return onToken(ctx, text)
		})
		completion.Usage, completion.Cost = completion.Usage.Plus(vain.Usage), completion.Cost+vain.Cost
		if err == nil || spoken || i == len(order)-1 || !down(err) {
			return completion, err
		}
		vain = completion
		r.logger.WarnContext(ctx, "model is down; another answers", "model", name, "other", order[i+1], "error", err)
	}
	panic("unreachable: the last one returns")
}

// down reports whether another model may do what this one failed to.
func down(err error) bool {
	var e *chatconnect.Error
	return errors.As(err, &e) && (e.Kind == chatconnect.KindUnavailable || e.Kind == chatconnect.KindRateLimited)
}

// NewModel returns the model that picks another by the prompt, and one
// sentence for people that says what is used. It makes no request; it fails
// only on options that can't be right.
func NewModel(options Options) (chatconnect.Model, string, error) {
	o := options.withDefaults()
	free, paid := o.choose(o.FreeModel), o.choose(o.PaidModel)
	if free == "" {
		return NewExtractive(), "Answers are quoted from your documents by the built-in extractive model; no API key is set.", nil
	}
	b := builder{options: o, doer: NewDoer(o.Timeouts)}
	r := router{models: map[string]chatconnect.Model{}, options: o, fallback: o.FallbackModel, logger: o.Logger}
	for setting, names := range map[string][]string{
		"model for the free tier": {free}, "model for the paid tier": {paid},
		"FALLBACK_MODEL": {o.FallbackModel}, "ALLOWED_MODELS": o.AllowedModels,
	} {
		for _, name := range names {
			if name == "" || r.models[name] != nil {
				continue
			}
			model, err := b.build(name)
			if err != nil {
				return nil, "", fmt.Errorf("%s: %s: %w", setting, name, err)
			}
			r.models[name] = model
		}
	}
	notice := "Answers are written by " + describe(free)
	if free != paid {
		notice += " on the free tier and " + describe(paid) + " on the paid tier"
	}
	if o.FallbackModel != "" {
		notice += ", and by " + describe(o.FallbackModel) + " when that is down"
	}
	return honest{r, similarityOf(o)}, notice + ".", nil
}

// builder makes models that share their connections.
type builder struct {
	options Options
	doer    *Doer
}

func (b builder) build(name string) (*chatModel, error) {
	o := b.options
	var m *chatModel
	var err error
	if isClaude(name) {
		m, err = newAnthropic(o.AnthropicKey, o.AnthropicBaseURL, name, o.MaxOutputTokens, b.doer)
	} else {
		m, err = newOpenAI(o.OpenAIKey, o.OpenAIBaseURL, name, o.MaxOutputTokens, b.doer)
	}
	if err == nil {
		m.price = o.Prices.of(name)
		m.temperature = o.temperatureOf(name)
	}
	return m, err
}

func describe(model string) string {
	if isClaude(model) {
		return model + " (Anthropic)"
	}
	return model + " (OpenAI)"
}

// AllowedModels are the names that every client may choose: those the operator
// lists, else that of the free tier. Empty without any key.
func AllowedModels(options Options) []string {
	o := options.withDefaults()
	names := o.AllowedModels
	if len(names) == 0 {
		names = []string{o.choose(o.FreeModel)}
	}
	return o.available(names)
}

// PaidModels are what clients of the paid tier may choose besides: the tier's
// own, unless the operator lists what may be chosen.
func PaidModels(options Options) []string {
	o := options.withDefaults()
	if len(o.AllowedModels) > 0 || o.choose(o.PaidModel) == o.choose(o.FreeModel) {
		return nil
	}
	return o.available([]string{o.choose(o.PaidModel)})
}

// available leaves out models without a key, and sorts the others.
func (o Options) available(names []string) []string {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" || o.choose(name) != name })
	slices.Sort(names)
	return slices.Compact(names)
}

// NewEmbedder returns OpenAI's embedder when its key is set, else the local
// one, and one sentence that says which.
func NewEmbedder(options Options) (chatconnect.Embedder, string, error) {
	o := options.withDefaults()
	if o.OpenAIKey == "" {
		return NewLocalEmbedder(), "Search uses the built-in local embedder; no OpenAI key is set.", nil
	}
	e, err := newOpenAIEmbedder(o.OpenAIKey, o.OpenAIBaseURL, o.EmbeddingModel, o.EmbeddingDimensions, o.Prices, NewDoer(o.Timeouts))
	if err != nil {
		return nil, "", fmt.Errorf("embedder: %w", err)
	}
	return e, fmt.Sprintf("Search uses %s (OpenAI) with %d dimensions.", e.model, e.dimensions), nil
}
