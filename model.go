package chatconnect

import "context"

// Prompt is what a model is asked. System never changes between questions of
// a client, so that providers can cache it; Passages are untrusted data.
type Prompt struct {
	Tier     Tier
	Model    string // the client's own choice, "" for its tier's
	Attempt  int    // at this answer, from 1
	System   string
	History  []Turn
	Question string
	Passages []Passage
	// Language is an ISO 639-1 code: what the program itself says to the visitor
	// is in it. A model answers in the question's own.
	Language string
}

// Completion is a model's finished answer.
type Completion struct {
	Text     string
	Usage    Usage
	Cost     MicroUSD // 0 if the model's price isn't known
	Provider string   // "openai", "anthropic", "extractive"; "" if no model was asked
	Model    string
	// Unanswered is true when the model said that the passages don't hold the
	// answer. Such an answer has no sources.
	Unanswered bool
}

// ModelChoice is the model that answers a client's questions.
type ModelChoice struct {
	Provider    string
	Model       string
	Temperature *float64 // nil if the model is asked without one
}

// Rewriter makes a question that leans on what was said before ("and how much
// is that?") stand alone, so that a search can find something by it.
type Rewriter interface {
	// Rewrite returns the question itself if it stands alone already, or
	// without history. It does not fail: what can't be asked of a model is done
	// by rules.
	Rewrite(ctx context.Context, history []Turn, question string) Rewritten
}

// Rewritten is a question to search with, and what a model took for it: Model
// is empty if none was asked.
type Rewritten struct {
	Text  string   `json:"text,omitempty"`
	Model string   `json:"model,omitempty"`
	Usage Usage    `json:"usage"`
	Cost  MicroUSD `json:"cost,omitempty"`
}

// Spent is what the rewriting took, without its text.
func (r Rewritten) Spent() Completion {
	return Completion{Model: r.Model, Usage: r.Usage, Cost: r.Cost}
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
