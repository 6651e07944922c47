package api

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
	blackFlag          = '\U0001F3F4' // begins the flags of England, Scotland and Wales
	cancelTag          = '\U000E007F'
)

// cleanText returns text in NFC without what a reader can't see but a model
// can: control characters, bidirectional overrides, zero-width and tag
// characters, noncharacters. Newlines stay, tabs become spaces, and joiners
// stay where scripts and emoji need them. Surrounding space is removed.
func cleanText(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	runes := []rune(text)
	var b strings.Builder
	b.Grow(len(text))
	var last rune // the last one kept
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\n' || r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			r = '\n'
		case r == '\t':
			r = ' '
		case r == zeroWidthJoiner || r == zeroWidthNonJoiner:
			if i+1 >= len(runes) || !joins(last) || !joins(runes[i+1]) {
				continue
			}
		case isTag(r):
			if i > 0 && runes[i-1] == blackFlag {
				if n := flagTags(runes[i:]); n > 0 {
					b.WriteString(string(runes[i : i+n]))
					i += n - 1
					last = cancelTag
				}
			}
			continue
		case isVariationSelector(r):
			// One after a base changes its look; rows of them carry hidden data.
			if last == 0 || unicode.IsSpace(last) || isVariationSelector(last) {
				continue
			}
		case isControl(r):
			continue
		}
		b.WriteRune(r)
		last = r
	}
	return strings.TrimSpace(norm.NFC.String(b.String()))
}

// isControl reports characters that no text needs: Cc, the rest of Cf (bidi
// controls, zero-width spaces, soft hyphens, interlinear marks), invisible
// fillers and noncharacters.
func isControl(r rune) bool {
	if unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
		return false // Cf too, but visible: Arabic number signs
	}
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || r == '\u034f' || r == '\u180e' ||
		r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE
}

// joins reports whether a joiner beside r can mean something: between emoji,
// and between letters of the scripts that shape (Arabic, Indic and others).
func joins(r rune) bool {
	if isVariationSelector(r) || unicode.Is(unicode.Sk, r) && r >= 0x1F3FB {
		return true // after an emoji's presentation selector or skin tone
	}
	return r > 0xFF && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsSymbol(r))
}

func isVariationSelector(r rune) bool {
	return r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF
}

func isTag(r rune) bool { return r >= 0xE0000 && r <= 0xE007F }

// flagTags returns the length of a flag's tag sequence at the start of runes:
// a region code of 3 to 6 tag letters and the cancel tag (UTS #51, ED-14a).
func flagTags(runes []rune) int {
	for i, r := range runes {
		if r == cancelTag && i >= 3 && i <= 6 {
			return i + 1
		}
		letter, digit := r >= 0xE0061 && r <= 0xE007A, r >= 0xE0030 && r <= 0xE0039
		if i > 6 || !letter && !digit {
			return 0
		}
	}
	return 0
}

// truncate cuts s to at most n bytes at a rune boundary.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
