package language

import (
	"slices"
	"strings"
	"unicode"
)

// letters that only one of the languages in Latin script uses. They are looked
// for before accents are taken off.
var ownLetters = map[Locale]string{
	German: "ßäüö", Spanish: "ñ¿¡", Portuguese: "ãõ", French: "œèùêûîë", Italian: "ìò", Polish: "ąćęłńśźż",
}

const turkishLetters = "ğĞışŞİ"

// wordSets are the function words, to be looked up.
var wordSets = func() map[Locale]map[string]bool {
	sets := map[Locale]map[string]bool{}
	for locale, list := range functionWords {
		sets[locale] = map[string]bool{}
		for _, word := range strings.Fields(list + " " + tellingWords[locale]) {
			sets[locale][word] = true
		}
	}
	return sets
}()

// FunctionWords lists the words of a language that say nothing about what a
// text is about, without accents; none for a language in another script than
// Latin.
func FunctionWords(locale Locale) []string { return strings.Fields(functionWords[locale]) }

// Detect tells the language of a text, by its script first and by its function
// words and letters then. It returns "" unless one language is clearly ahead.
func Detect(text string) Locale {
	if locale, latin := byScript(text); !latin {
		return locale
	}
	scores := map[Locale]int{}
	for _, word := range latinWords(text) {
		for locale, set := range wordSets {
			if set[word] {
				scores[locale]++
			}
		}
	}
	lower := strings.ToLower(text)
	for locale, letters := range ownLetters {
		if strings.ContainsAny(lower, letters) {
			scores[locale] += 2
		}
	}
	// Turkish shares some of its letters with German.
	if strings.ContainsAny(lower, "öüç") {
		scores[Turkish]++
	}
	if strings.ContainsAny(text, turkishLetters) {
		scores[Turkish] += 2
	}
	var best Locale
	ahead := false
	for _, locale := range locales {
		switch {
		case scores[locale] > scores[best]:
			best, ahead = locale, true
		case scores[locale] == scores[best]:
			ahead = false
		}
	}
	if !ahead {
		return ""
	}
	return best
}

// latinWords are words that an apostrophe ends, as function words are listed:
// l'hôtel has the article l.
func latinWords(text string) []string {
	return strings.FieldsFunc(Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// scripts that one locale uses, or a few that their letters tell apart.
type scripts struct{ latin, cyrillic, arabic, han, kana, hangul, other int }

// byScript tells the language from the script that most letters are in. latin
// is true if that is not enough. A script of no locale gives "".
func byScript(text string) (locale Locale, latin bool) {
	var n scripts
	for _, r := range text {
		switch {
		case !unicode.IsLetter(r):
		case unicode.Is(unicode.Latin, r):
			n.latin++
		case unicode.Is(unicode.Cyrillic, r):
			n.cyrillic++
		case unicode.Is(unicode.Arabic, r):
			n.arabic++
		case unicode.Is(unicode.Han, r):
			n.han += 2 // a character is about a syllable
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			n.kana += 2
		case unicode.Is(unicode.Hangul, r):
			n.hangul += 2
		default:
			n.other++
		}
	}
	most := max(n.latin, n.cyrillic, n.arabic, n.han+n.kana, n.hangul, n.other)
	switch {
	case most == n.latin:
		return "", true // so is a text without a letter
	case most == n.other:
		return "", false
	case most == n.hangul:
		return Korean, false
	case most == n.cyrillic:
		if strings.ContainsAny(text, "іїєґІЇЄҐ") {
			return Ukrainian, false
		}
		return Russian, false
	case most == n.arabic:
		if strings.ContainsAny(text, "پچژگٹڈڑے") {
			return "", false // Persian and Urdu
		}
		return Arabic, false
	case n.kana > 0:
		return Japanese, false
	}
	return Chinese, false
}

// Context is what else is known of a visitor's language. All of it may be
// empty.
type Context struct {
	Earlier []string // the session's questions, oldest first
	Widget  string   // the tag that the site's owner set for the widget
	Browser Locale   // what the visitor's browser asks for
}

// known lists the languages that the context suggests, best first.
func (c Context) known() []Locale {
	var known []Locale
	add := func(locale Locale) {
		if locale != "" {
			known = append(known, locale)
		}
	}
	for _, text := range slices.Backward(c.Earlier) {
		add(Detect(text))
	}
	add(OfTag(c.Widget))
	add(c.Browser)
	return known
}

// Of tells the language to answer a text in: the text's own, else one that the
// context suggests, else English.
func Of(text string, c Context) Locale {
	if locale := Detect(text); locale != "" {
		return locale
	}
	return c.Choose(nil)
}

// Choose returns the best language that the context suggests out of some, or
// the first of those. Of none, it may be any.
func (c Context) Choose(some []Locale) Locale {
	for _, locale := range c.known() {
		if len(some) == 0 || slices.Contains(some, locale) {
			return locale
		}
	}
	if len(some) > 0 {
		return some[0]
	}
	return English
}
