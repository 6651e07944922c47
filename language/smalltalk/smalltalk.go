// Package smalltalk recognises messages that need no search: greetings, thanks
// and the like, and requests for a person. Precision comes first: a message
// counts only if every word of it belongs to a known phrase, so that "hi, when
// do you open?" stays a question.
//
// The phrases stand in phrases/*.txt, a file for each language.
package smalltalk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chatconnect/chatconnect/language"
)

// Kind is what a message is.
type Kind string

// The kinds. None is a message that has to be searched for.
const (
	None            Kind = ""
	Greeting        Kind = "greeting"
	Thanks          Kind = "thanks"
	Goodbye         Kind = "goodbye"
	HowAreYou       Kind = "how_are_you"
	Identity        Kind = "identity" // who, or what, the visitor writes to
	About           Kind = "about"    // what the assistant can do; a plain "help"
	Acknowledgement Kind = "acknowledgement"
	Handoff         Kind = "handoff" // a person is asked for
)

// precedence decides what a message of several kinds is: "hi, can I talk to a
// human? thanks" asks for a person.
var precedence = []Kind{Handoff, Identity, About, HowAreYou, Goodbye, Thanks, Greeting, Acknowledgement}

const (
	maxRunes = 400 // of a message that may be small talk
	maxWords = 80
)

// Recognise says what a message is and which language to reply in. Of a message
// that several languages know, the context decides.
func Recognise(text string, context language.Context) (Kind, language.Locale) {
	if utf8.RuneCountInString(text) > maxRunes {
		return None, ""
	}
	words := language.Words(text)
	switch {
	case len(words) == 0:
		return ofSymbols(text), context.Choose(nil)
	case len(words) > maxWords:
		return None, ""
	}
	if kind, locale := recognise(words, context); kind != None {
		return kind, locale
	}
	return requestWithin(text, context)
}

// recognise wants every word to belong to a phrase of one language.
func recognise(words []string, context language.Context) (Kind, language.Locale) {
	if kind := international.kindOf(words); kind != None {
		return kind, context.Choose(nil)
	}
	kinds := map[language.Locale]Kind{}
	var known []language.Locale
	for _, l := range lexicons {
		if kind := l.kindOf(words); kind != None {
			kinds[l.locale] = kind
			known = append(known, l.locale)
		}
	}
	if len(known) > 0 {
		locale := context.Choose(known)
		return kinds[locale], locale
	}
	if kind := others.kindOf(words); kind != None {
		return kind, context.Choose(nil)
	}
	return None, ""
}

// requestWithin finds a request for a person that is a sentence of its own
// beside others: "My parcel is lost. Can I talk to someone?" What else the
// message asks is for that person.
func requestWithin(text string, context language.Context) (Kind, language.Locale) {
	sentences := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(".!?;\n。！？؟", r) })
	if last := strings.LastIndexAny(strings.TrimRight(text, ".!?;\n。！？؟ "), ",，、،"); last >= 0 {
		_, size := utf8.DecodeRuneInString(text[last:])
		sentences = append(sentences, text[last+size:])
	}
	for _, sentence := range sentences {
		if kind, locale := recognise(language.Words(sentence), context); kind == Handoff {
			return kind, locale
		}
	}
	return None, ""
}

// ofSymbols is what a message without a word is: emoji, emoticons, "?".
func ofSymbols(text string) Kind {
	switch {
	case strings.ContainsAny(text, "👋🤚🖐✋🙋"):
		return Greeting
	case strings.ContainsAny(text, "🙏💐"):
		return Thanks
	case strings.ContainsAny(text, "?？؟¿❓❔🆘👎"):
		return About
	case strings.ContainsFunc(text, unicode.IsGraphic):
		return Acknowledgement
	}
	return None
}
