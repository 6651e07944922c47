package pdf

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

// ligatures are spelled out: nobody searches for them.
var ligatures = strings.NewReplacer(
	"\ufb00", "ff", "\ufb01", "fi", "\ufb02", "fl", "\ufb03", "ffi", "\ufb04", "ffl", "\ufb05", "st", "\ufb06", "st")

// paragraphs turns PDFium's text of a page into paragraphs. PDFium gives the
// lines as they were set, each ending in \r\n, with a hyphen that broke a word
// as \x02. Words are put together again, and lines that were broken only
// because the line was full are joined; a line end stays where a paragraph, a
// heading, a list item or a table row ends.
func paragraphs(raw string) string {
	lines := strings.Split(tidy.Text(dehyphenate(ligatures.Replace(raw))), "\n")
	widths := make([]int, len(lines))
	for i, line := range lines {
		widths[i] = utf8.RuneCountInString(line)
	}
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(line)
		if i+1 == len(lines) {
			break
		}
		const near = 3
		around := slices.Max(widths[max(0, i-near):min(len(lines), i+near+1)])
		switch {
		case !wraps(line, lines[i+1], widths[i], widths[i+1], around):
			b.WriteByte('\n')
		case !unspaced(line, lines[i+1]):
			b.WriteByte(' ')
		}
	}
	return b.String()
}

var brokenWord = regexp.MustCompile("(?:[\x02\ufffe][\r\n]*|\u2010[\r\n]+)(\\p{Ll})?")

// dehyphenate puts together the words that a line's end broke. A typographic
// hyphen at a line's end is kept unless the next line starts in lower case.
func dehyphenate(s string) string {
	if !strings.ContainsAny(s, "\x02\ufffe\u2010") {
		return s
	}
	return brokenWord.ReplaceAllStringFunc(s, func(found string) string {
		groups := brokenWord.FindStringSubmatch(found)
		if strings.HasPrefix(found, "\u2010") && groups[1] == "" {
			return "-"
		}
		return groups[1]
	})
}

// wraps reports whether next, of nextWidth characters, goes on with the
// sentence of line, of width: line must be nearly as long as the longest of
// the lines around it. Only in lines of some length does that tell running
// text from the cells of a table; short ones must go on in lower case.
func wraps(line, next string, width, nextWidth, around int) bool {
	const shortest, prose = 15, 45
	full := around * 3 / 4
	if line == "" || next == "" || width < shortest || width < full || startsItem(next) {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(line)
	first, _ := utf8.DecodeRuneInString(next)
	switch {
	case strings.ContainsRune(".!?:;。！？", last):
		// A sentence may end where the line does; the paragraph goes on if the
		// next line is full too.
		return width >= prose && nextWidth >= full
	case unicode.IsLower(first), strings.ContainsRune(",–—/(&", last):
		return true
	}
	return width >= prose || ideographic(last)
}

// unspaced reports whether two lines meet in a script without spaces.
func unspaced(line, next string) bool {
	last, _ := utf8.DecodeLastRuneInString(line)
	first, _ := utf8.DecodeRuneInString(next)
	return ideographic(last) && ideographic(first)
}

func ideographic(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xff60
}

// startsItem reports whether a line starts a list item: a bullet, "1.", "2)"
// or "(a)".
func startsItem(line string) bool {
	first, n := utf8.DecodeRuneInString(line)
	rest := line[n:]
	switch {
	case strings.ContainsRune("•◦▪▫●○■□‣⁃–—*-·✓✔➢➤", first):
		return strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t")
	case first == '(':
		return len(rest) > 1 && strings.IndexByte(rest[:min(len(rest), 4)], ')') > 0
	}
	digits := 0
	for digits < len(line) && line[digits] >= '0' && line[digits] <= '9' {
		digits++
	}
	return digits > 0 && digits <= 3 && digits+1 < len(line) && (line[digits] == '.' || line[digits] == ')') && line[digits+1] == ' '
}
