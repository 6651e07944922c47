package llm

import (
	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language"
)

// stopWords say nothing about what a text is about. Words of other languages
// than these five would change what LocalEmbedModel makes of a text.
var stopWords = func() map[string]bool {
	set := map[string]bool{}
	for _, locale := range []language.Locale{language.English, language.German, language.French, language.Spanish, language.Portuguese} {
		for _, word := range language.FunctionWords(locale) {
			set[word] = true
		}
	}
	return set
}()

// localeOf is the language that the visitor is answered in by the program
// itself.
func localeOf(prompt chatconnect.Prompt) language.Locale {
	if prompt.Language != "" {
		return language.Locale(prompt.Language)
	}
	return language.Of(prompt.Question, language.Context{})
}
