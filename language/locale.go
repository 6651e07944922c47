// Package language tells the language of a visitor's message. What the product
// itself says in that language stands in replies, and messages that need no
// search are recognised by smalltalk. It knows nothing of the rest of the
// product and does no I/O, so that every layer may use it.
package language

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// Locale is the ISO 639-1 code of a language that replies exist in.
type Locale string

// The locales. English is used where nothing tells another.
const (
	English    Locale = "en"
	Arabic     Locale = "ar"
	Chinese    Locale = "zh"
	Dutch      Locale = "nl"
	French     Locale = "fr"
	German     Locale = "de"
	Italian    Locale = "it"
	Japanese   Locale = "ja"
	Korean     Locale = "ko"
	Polish     Locale = "pl"
	Portuguese Locale = "pt"
	Russian    Locale = "ru"
	Spanish    Locale = "es"
	Turkish    Locale = "tr"
	Ukrainian  Locale = "uk"
)

var locales = []Locale{
	English, Arabic, Chinese, Dutch, French, German, Italian, Japanese, Korean, Polish, Portuguese, Russian, Spanish, Turkish, Ukrainian,
}

// Locales lists all locales, English first.
func Locales() []Locale { return slices.Clone(locales) }

// OfTag returns the locale of a BCP 47 tag such as pt-BR, "" if there is none.
func OfTag(tag string) Locale {
	primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	if locale := Locale(primary); slices.Contains(locales, locale) {
		return locale
	}
	return ""
}

// maxAcceptLanguage bounds the header, in bytes: a browser sends a handful of
// tags.
const maxAcceptLanguage = 256

// OfHeader returns the first locale that an Accept-Language header names, in
// the order of its weights; "" if there is none.
func OfHeader(header string) Locale {
	if len(header) > maxAcceptLanguage {
		return ""
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return ""
	}
	for _, tag := range tags {
		if locale := OfTag(tag.String()); locale != "" {
			return locale
		}
	}
	return ""
}
