package llm

import (
	"slices"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
)

// answering names the model that a question goes to first: the client's own
// choice if the operator allows it, else its tier's; "" without any key. What a
// client chose before its tier was changed may be allowed no more.
func (o Options) answering(tier chatconnect.Tier, wish string) string {
	own := o.choose(o.FreeModel)
	allowed := append([]string{own}, o.AllowedModels...)
	if tier == chatconnect.TierPaid {
		own = o.choose(o.PaidModel)
		allowed = append(allowed, own)
	}
	if wish != "" && wish != o.FallbackModel && slices.Contains(allowed, wish) {
		return wish
	}
	return own
}

// Choice says which model answers a client, and how it is asked.
func Choice(options Options, tier chatconnect.Tier, wish string) chatconnect.ModelChoice {
	o := options.withDefaults()
	name := o.answering(tier, wish)
	choice := chatconnect.ModelChoice{Provider: "openai", Model: name, Temperature: o.temperatureOf(name)}
	switch {
	case name == "":
		choice.Provider, choice.Model = NewExtractive().Name(tier)
		choice.Temperature = nil
	case isClaude(name):
		choice.Provider = "anthropic"
	}
	return choice
}

// maxClaudeTemperature is the highest that Anthropic takes; OpenAI takes twice
// as much.
const maxClaudeTemperature = 1

// temperatureOf is what a model is asked with, nil for none.
func (o Options) temperatureOf(model string) *float64 {
	switch {
	case o.Temperature == nil || refusesTemperature(model):
		return nil
	case isClaude(model) && *o.Temperature > maxClaudeTemperature:
		highest := float64(maxClaudeTemperature)
		return &highest
	}
	return o.Temperature
}

// refusesTemperature reports whether a model is one of OpenAI's that reason:
// they answer a request that names a temperature with an error.
func refusesTemperature(model string) bool {
	name := strings.ToLower(model)
	for _, family := range []string{"o1", "o3", "o4", "gpt-5"} {
		rest, ok := strings.CutPrefix(name, family)
		if ok && (rest == "" || rest[0] == '-' || rest[0] == '.') {
			return true
		}
	}
	return false
}
