package chatconnect

import "context"

// Prompt is what a model is asked. System never changes between questions of
// a client, so that providers can cache it; Passages are untrusted data.
type Prompt struct {
	Tier     Tier
	System   string
	History  []Turn
	Question string
	Passages []Passage
}

// Completion is a model's finished answer.
type Completion struct {
	Text     string
	Usage    Usage
	Provider string // "openai", "anthropic", "extractive"
	Model    string
	// Unanswered is true when the model said that the passages don't hold the
	// answer. Such an answer has no sources.
	Unanswered bool
}

// Model writes answers.
type Model interface {
	// Name says who answers the tier, as Completion does.
	Name(tier Tier) (provider, model string)
	// Generate streams the answer through onToken, in order, and returns the
	// whole. An error from onToken stops it. A stream that ends without the
	// provider's end marker is an error, never a short answer. Errors that may
	// pass are KindRateLimited (with RetryAfter if given) or KindUnavailable;
	// all others are final. With an error comes what was written until then,
	// its usage estimated: a provider tells it at the end only.
	Generate(ctx context.Context, prompt Prompt, onToken func(ctx context.Context, text string) error) (Completion, error)
}
