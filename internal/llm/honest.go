package llm

import (
	"context"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language/replies"
)

// honest says that it doesn't know, without asking the model, when the search
// has found nothing that has to do with the question: that is quicker, costs
// nothing and can't be made up.
type honest struct {
	chatconnect.Model
	minSimilarity float64
}

// Similarities below which passages that share no word with the question have
// nothing to do with it. The cosine of unrelated texts differs by model; for
// one that isn't known here, no bound is safe.
const (
	// minSimilarityLocal parts unrelated questions, measured at 0.01 to 0.12,
	// from related ones at 0.14 and more (TestUnrelatedTextsAreNotSimilar).
	minSimilarityLocal = 0.125
	// minSimilarityOpenAI is deliberately low, because it could not be measured
	// here: too low only asks the model once more.
	minSimilarityOpenAI = 0.15
	noBound             = -1
)

func similarityOf(o Options) float64 {
	switch {
	case o.OpenAIKey == "":
		return minSimilarityLocal
	case strings.HasPrefix(o.EmbeddingModel, "text-embedding-3-"):
		return minSimilarityOpenAI
	}
	return noBound
}

// Generate implements chatconnect.Model.
func (h honest) Generate(ctx context.Context, prompt chatconnect.Prompt, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	if !h.knowsNothing(prompt) {
		return h.Model.Generate(ctx, prompt, onToken)
	}
	text, err := recite(ctx, replies.Say(replies.NothingFound, localeOf(prompt)), onToken)
	return chatconnect.Completion{Text: text, Unanswered: true}, err
}

// knowsNothing leaves to the model what needs no passage: greetings, and
// whatever may refer to earlier turns.
func (h honest) knowsNothing(prompt chatconnect.Prompt) bool {
	if len(prompt.History) > 0 || len(termsOf(prompt.Question, 1, nil)) == 0 {
		return false
	}
	for _, p := range prompt.Passages {
		if p.Lexical > 0 || p.Similarity >= h.minSimilarity {
			return false
		}
	}
	return true
}
