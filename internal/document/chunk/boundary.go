package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How good a place is to cut, best last.
const (
	cutRune = iota + 1
	cutWord
	cutLine
	cutSentence
	cutParagraph
)

// rank tells how good it is to cut text before position at, 0 if it would
// split a rune.
func rank(text string, at int) int {
	if at <= 0 || at >= len(text) {
		return cutParagraph
	}
	if !utf8.RuneStart(text[at]) {
		return 0
	}
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	if unicode.IsSpace(after) {
		return cutRune // the space belongs to what is before it
	}
	if !unicode.IsSpace(before) {
		switch {
		case strings.ContainsRune("。！？", before):
			return cutSentence // scripts without spaces
		case strings.ContainsRune("、，；：", before):
			return cutWord
		case unicode.Is(unicode.Mn, after) || unicode.Is(unicode.Mc, after) || after == '\u200d' || before == '\u200d':
			return 0 // an accent or a joiner: it would show as a character of its own
		}
		return cutRune
	}
	gap := len(text[:at])
	line := false
	newlines := 0
	for gap > 0 {
		r, n := utf8.DecodeLastRuneInString(text[:gap])
		if !unicode.IsSpace(r) {
			break
		}
		if r == '\n' {
			newlines++
			line = true
		}
		gap -= n
		if at-gap > 64 { // a desert of white space is no better than a blank line
			break
		}
	}
	switch {
	case newlines > 1:
		return cutParagraph
	case endsSentence(text[:gap]):
		return cutSentence
	case line:
		return cutLine
	}
	return cutWord
}

// endsSentence reports whether s ends with a full stop or the like, closing
// quotes and brackets aside. "e.g." and "12." count too; a cut there does
// little harm.
func endsSentence(s string) bool {
	for range 3 {
		r, n := utf8.DecodeLastRuneInString(s)
		if strings.ContainsRune(`"'”’»)]`, r) {
			s = s[:len(s)-n]
			continue
		}
		return strings.ContainsRune(".!?…。！？:", r)
	}
	return false
}
