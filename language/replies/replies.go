// Package replies holds what the product itself says to visitors, in every
// locale: locales/*.json, a file for each. Texts of the widget's own controls
// stand in widget/locales.
package replies

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chatconnect/chatconnect/language"
)

// Key names a sentence.
type Key string

// The sentences.
const (
	NothingFound    Key = "nothing_found" // no document holds the answer
	About           Key = "about"         // what the assistant does
	Greeting        Key = "greeting"
	HowAreYou       Key = "how_are_you"
	Identity        Key = "identity" // it is no person
	Thanks          Key = "thanks"
	Goodbye         Key = "goodbye"
	Acknowledgement Key = "acknowledgement"
	Handoff         Key = "handoff" // a person was asked for

	BudgetExhausted Key = "budget_exhausted"
	Busy            Key = "busy"
	Unavailable     Key = "unavailable"
	Failed          Key = "failed"
	Refused         Key = "refused"
	TooLong         Key = "too_long"
)

// Keys lists all sentences.
func Keys() []Key {
	return []Key{
		NothingFound, About, Greeting, HowAreYou, Identity, Thanks, Goodbye, Acknowledgement, Handoff,
		BudgetExhausted, Busy, Unavailable, Failed, Refused, TooLong,
	}
}

//go:embed locales/*.json
var files embed.FS

// sentences is filled when the program starts; the test makes sure that nothing
// is missing.
var sentences = func() map[language.Locale]map[Key]string {
	all := map[language.Locale]map[Key]string{}
	for _, locale := range language.Locales() {
		content, err := files.ReadFile("locales/" + string(locale) + ".json")
		if err == nil {
			table := map[Key]string{}
			err = json.Unmarshal(content, &table)
			all[locale] = table
		}
		if err != nil {
			panic(fmt.Sprintf("replies of %s: %v", locale, err))
		}
	}
	return all
}()

// Say returns a sentence in a language, in English if that has no locale.
func Say(key Key, locale language.Locale) string {
	if sentence := sentences[locale][key]; sentence != "" {
		return sentence
	}
	return sentences[language.English][key]
}

// OfError returns what a visitor is told when an answer ends with an error: what
// they can do about it, which few causes make a difference to.
func OfError(code string, locale language.Locale) string {
	switch {
	case code == "budget_exhausted":
		return Say(BudgetExhausted, locale)
	case code == "model_refused":
		return Say(Refused, locale)
	case code == "model_context_too_long":
		return Say(TooLong, locale)
	case code == "timeout", strings.HasSuffix(code, "_unavailable"):
		return Say(Unavailable, locale)
	case strings.HasSuffix(code, "_rate_limited"):
		return Say(Busy, locale)
	}
	return Say(Failed, locale)
}
