// Package tidy cleans extracted text: one form for each character, no
// invisible ones, no runs of white space.
//
// It imports nothing of ours.
package tidy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Text returns s as valid UTF-8 in NFC, with \n as the only line end and at
// most one blank line in a row, without trailing spaces, and without control,
// zero-width and bidi-override characters: what a reader can't see must not
// reach a model either.
func Text(s string) string {
	if isTidy(s) {
		return s
	}
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	var b strings.Builder
	b.Grow(len(s))
	spaces, newlines := 0, 2 // 2: no blank lines at the start
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		switch r {
		case '\r':
			if i < len(s) && s[i] == '\n' {
				continue
			}
			r = '\n'
		case '\f', '\v', '\u2028', '\u2029', '\u0085':
			r = '\n'
		}
		switch {
		case r == '\n':
			spaces = 0
			if newlines < 2 {
				b.WriteByte('\n')
			}
			newlines++
		case r == '\t':
			// A tab keeps cells apart; spaces beside it say nothing.
			if newlines == 0 {
				spaces = -1
			}
		case r == ' ' || r == '\u00a0' || r == '\u202f' || unicode.Is(unicode.Zs, r):
			if newlines == 0 && spaces >= 0 {
				spaces++
			}
		case invisible(r):
		default:
			if spaces > 0 {
				b.WriteByte(' ')
			} else if spaces < 0 {
				b.WriteByte('\t')
			}
			spaces, newlines = 0, 0
			b.WriteRune(r)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// Line is Text with line ends and tabs made spaces, for names of columns and
// sections.
func Line(s string) string {
	return strings.Join(strings.Fields(Text(s)), " ")
}

// isTidy finds, quickly, ASCII text that Text would leave alone. It may say
// no to some.
func isTidy(s string) bool {
	if s == "" {
		return true
	}
	var previous byte = '\n'
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x7f || c < ' ' && c != '\n' {
			return false
		}
		if (c == ' ' || c == '\n') && (previous == ' ' || previous == '\n') {
			return false
		}
		previous = c
	}
	return previous != ' ' && previous != '\n'
}

// invisible reports whether r is a character that shows nothing by itself.
// The zero-width joiner and non-joiner stay: Indic scripts, Persian and emoji
// need them.
func invisible(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r <= 0x9f:
		return true
	case r == '\u00ad', r == '\u200b', r == '\u2060', r == '\ufeff', r == '\ufffe', r == '\uffff':
		return true
	case r >= '\u200e' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	case r >= 0xe0000 && r <= 0xe007f: // tag characters
		return true
	}
	return false
}
