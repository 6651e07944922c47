package language

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// letters that have no decomposition, but are written without their mark often.
var unmarked = strings.NewReplacer("ß", "ss", "ı", "i", "ł", "l", "ø", "o", "æ", "ae", "œ", "oe", "đ", "d",
	"أ", "ا", "إ", "ا", "آ", "ا", "ى", "ي", "ة", "ه", "ـ", "")

// Fold returns text in lower case and without accents and vowel marks, as
// people write it in a hurry.
func Fold(text string) string {
	folded := norm.NFKD.String(unmarked.Replace(strings.ToLower(text)))
	folded = strings.Map(func(r rune) rune {
		switch {
		case r >= 0x300 && r <= 0x36f, r >= 0x64b && r <= 0x655, r == 0x640, // accents, Arabic vowels
			unicode.Is(unicode.Cf, r), r >= 0xfe00 && r <= 0xfe0f: // invisible characters
			return -1
		}
		return r
	}, folded)
	return norm.NFC.String(unmarked.Replace(folded))
}

// Words are the folded words of a text. Characters of scripts that put no
// spaces between words are words of their own.
func Words(text string) []string {
	var words []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			words = append(words, calm(word.String()))
			word.Reset()
		}
	}
	for _, r := range Fold(text) {
		switch {
		case dense(r):
			flush()
			words = append(words, string(r))
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			word.WriteRune(r)
		case r == '\'', r == '’', r == 'ʼ', r == '`':
			// i'm and im are one word, and so are qu'est and quest
		default:
			flush()
		}
	}
	flush()
	return words
}

// dense reports whether a character's script puts no spaces between words, or
// spaces that people often leave out.
func dense(r rune) bool {
	return r == 'ー' || r > 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

// calm writes a letter that stands there three times or more once, as in
// "hellooo".
func calm(word string) string {
	var out []rune
	runes := []rune(word)
	for i := 0; i < len(runes); {
		end := i + 1
		for end < len(runes) && runes[end] == runes[i] {
			end++
		}
		if end-i >= 3 && unicode.IsLetter(runes[i]) {
			out = append(out, runes[i])
		} else {
			out = append(out, runes[i:end]...)
		}
		i = end
	}
	return string(out)
}
