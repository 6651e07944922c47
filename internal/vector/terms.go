package vector

import (
	"iter"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxTermBytes cuts what is not a word: base64, hashes without end.
const maxTermBytes = 64

// Terms splits a text into the terms that BM25 counts:
//
//   - NFKC, lower case; Latin and Greek letters lose their diacritics, ß, æ, œ,
//     ø, ł, đ, ð, þ are spelled out, ё becomes е, Arabic and Hebrew lose
//     their vowel marks;
//   - a word is a run of letters, marks and digits; apostrophes, hyphens, dots
//     and everything else separate words, so "A-12.5" is found by any part;
//   - runs in scripts without spaces (Han, Kana, Thai, Lao, Khmer, Burmese) and
//     Hangul become overlapping bigrams, a run of one character itself;
//   - stop words are dropped (stopwords.go), English-like plurals cut (plural).
//
// Documents and questions go through the same function; changing it requires
// re-indexing.
func Terms(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var word []rune
		bigrams := false
		flush := func() bool {
			defer func() { word = word[:0] }()
			switch {
			case len(word) == 0:
				return true
			case bigrams:
				return emitBigrams(word, yield)
			default:
				return emitWord(string(word), yield)
			}
		}
		for _, r := range norm.NFKC.String(text) {
			r = unicode.ToLower(r)
			if !inWord(r) {
				if !flush() {
					return
				}
				continue
			}
			if isBigram := spaceless(r); len(word) > 0 && isBigram != bigrams && !unicode.IsMark(r) {
				if !flush() {
					return
				}
			}
			if len(word) == 0 {
				bigrams = spaceless(r)
			}
			word = fold(word, r)
		}
		flush()
	}
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// spaceless reports whether r belongs to a script that is indexed by bigrams.
func spaceless(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) || r == 'ー'
}

func emitBigrams(run []rune, yield func(string) bool) bool {
	if len(run) == 1 {
		return yield(string(run))
	}
	for i := range len(run) - 1 {
		if !yield(string(run[i : i+2])) {
			return false
		}
	}
	return true
}

func emitWord(word string, yield func(string) bool) bool {
	if stopWords[word] {
		return true
	}
	if len(word) > maxTermBytes {
		word = strings.ToValidUTF8(word[:maxTermBytes], "")
	}
	return yield(plural(word))
}

// fold appends r without what people leave out when they type a question.
func fold(word []rune, r rune) []rune {
	if r < 0x80 {
		return append(word, r)
	}
	if spelled, ok := spelledOut[r]; ok {
		return append(word, spelled...)
	}
	switch {
	case unicode.Is(unicode.Latin, r), unicode.Is(unicode.Greek, r):
		for _, part := range norm.NFD.String(string(r)) {
			if !unicode.Is(unicode.Mn, part) {
				word = append(word, part)
			}
		}
		return word
	case unicode.Is(unicode.Mn, r) && (r < 0x0370 || unicode.In(r, unicode.Arabic, unicode.Hebrew)):
		return word // a combining mark that NFKC could not join, or a vowel mark
	case r >= 0x064B && r <= 0x0652: // Arabic vowel marks are of the script Inherited
		return word
	}
	return append(word, r)
}

var spelledOut = map[rune][]rune{
	'ß': []rune("ss"), 'æ': []rune("ae"), 'œ': []rune("oe"), 'ø': []rune("o"), 'ł': []rune("l"),
	'đ': []rune("d"), 'ð': []rune("d"), 'þ': []rune("th"), 'ı': []rune("i"), 'ё': []rune("е"), 'ς': []rune("σ"),
}

// plural is the S-stemmer of Harman, "How effective is suffixing?" (JASIS,
// 1991): it joins "price" and "prices" and hardly ever joins what differs. It
// also fits the plurals of French, Spanish and Portuguese.
func plural(word string) string {
	if len(word) < 4 || !strings.HasSuffix(word, "s") {
		return word
	}
	has := func(suffixes ...string) bool {
		for _, suffix := range suffixes {
			if strings.HasSuffix(word, suffix) {
				return true
			}
		}
		return false
	}
	switch {
	case has("ies") && !has("eies", "aies"):
		return word[:len(word)-3] + "y"
	case has("es") && !has("aes", "ees", "oes"):
		return word[:len(word)-1]
	case !has("us", "ss"):
		return word[:len(word)-1]
	}
	return word
}
