package llm

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// words cuts text into lower-case words of letters and digits, without
// accents and with ß as ss. Scripts that don't put spaces between words (Han,
// Kana, Thai) become overlapping pairs of characters.
//
// words, stem and stopWords are part of the formula of LocalEmbedModel: a
// change to them needs a new model name there.
func words(text string) []string {
	var out []string
	var word, dense []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, string(word))
			word = word[:0]
		}
		if len(dense) == 1 {
			out = append(out, string(dense))
		}
		for i := 0; i+1 < len(dense); i++ {
			out = append(out, string(dense[i:i+2]))
		}
		dense = dense[:0]
	}
	for _, r := range norm.NFKD.String(strings.ToLower(text)) {
		switch {
		case r >= 0x300 && r <= 0x36f: // an accent
		case r == 'ß':
			word = append(word, 's', 's')
		case r > 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			if len(word) > 0 {
				flush()
			}
			dense = append(dense, r)
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			if len(dense) > 0 {
				flush()
			}
			word = append(word, r)
		default:
			flush()
		}
	}
	flush()
	return out
}

// suffixes that stem takes off, longest first. They are those of plurals,
// cases and verb forms in English, German, French, Spanish and Portuguese
// that can go without telling the languages apart.
var suffixes = []string{"edly", "ings", "ern", "ing", "ies", "ed", "em", "en", "er", "es", "et", "ly", "e", "s"}

// minStem is the shortest stem, in bytes, that a suffix may leave.
const minStem = 4

// stem maps forms of a word to one: shoes and shoe, kostet and Kosten. The
// result is not a word. Words with digits stay as they are.
func stem(word string) string {
	if strings.ContainsFunc(word, unicode.IsDigit) {
		return word
	}
	for again := true; again; {
		again = false
		for _, suffix := range suffixes {
			rest, ok := strings.CutSuffix(word, suffix)
			if !ok || len(rest) < minStem {
				continue
			}
			if suffix == "ies" {
				return rest + "i"
			}
			word, again = rest, true
			break
		}
	}
	if rest, ok := strings.CutSuffix(word, "y"); ok && len(rest) >= minStem {
		return rest + "i"
	}
	return word
}

// form is a word made ready to be compared.
type form struct {
	stem  string
	runes []rune // of stem
	digit bool   // has one: only equal to itself
}

func formOf(word string) form {
	s := stem(word)
	return form{stem: s, runes: []rune(s), digit: strings.ContainsFunc(s, unicode.IsDigit)}
}

// formCache remembers the forms of the words of a few texts.
type formCache map[string]form

func (c formCache) forms(text string) []form {
	list := words(text)
	forms := make([]form, len(list))
	for i, w := range list {
		f, ok := c[w]
		if !ok {
			f = formOf(w)
			c[w] = f
		}
		forms[i] = f
	}
	return forms
}

// similarity says how much two words have in common, from 0 to 1: 1 for the
// same stem, less for a long common beginning, a part of a compound and a
// slip of the keyboard.
func (f form) similarity(g form) float64 {
	if f.stem == g.stem {
		return 1
	}
	if f.digit || g.digit {
		return 0
	}
	short, long := f.runes, g.runes
	if len(short) > len(long) {
		short, long = long, short
	}
	prefix := 0
	for prefix < len(short) && short[prefix] == long[prefix] {
		prefix++
	}
	suffix := 0
	for suffix < len(short)-prefix && short[len(short)-1-suffix] == long[len(long)-1-suffix] {
		suffix++
	}
	switch {
	case prefix >= 5 && 5*prefix >= 3*len(long), // deliver, delivery
		prefix == 4 && len(short) == 4 && len(long) <= 6: // cost, costly
		return 0.75
	case len(short) >= 5 && 4*len(short) >= len(long) &&
		(prefix == len(short) || slices.Equal(long[len(long)-len(short):], short)): // Rückgabefrist, Frist
		return 0.75
	case prefix+suffix == len(short) && len(short) >= 6 && prefix >= 2 && suffix >= 4 &&
		(len(long) <= len(short)+3 || prefix >= 4): // einreichen, einzureichen; Kernzeit, Kernarbeitszeit
		return 0.75
	case prefix >= 1 && len(short) >= 6 && oneSlip(short, long): // warranty, waranty
		return 0.7
	}
	return 0
}

// oneSlip reports whether one inserted, missing, wrong or swapped character
// turns short into long.
func oneSlip(short, long []rune) bool {
	if len(long)-len(short) > 1 {
		return false
	}
	i := 0
	for i < len(short) && short[i] == long[i] {
		i++
	}
	if len(short) < len(long) {
		return slices.Equal(short[i:], long[i+1:])
	}
	if i == len(short) || slices.Equal(short[i+1:], long[i+1:]) {
		return true
	}
	return i+1 < len(short) && short[i] == long[i+1] && short[i+1] == long[i] && slices.Equal(short[i+2:], long[i+2:])
}
