package pdf

import (
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
	full := fullWidth(lines)
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(line)
		if i+1 == len(lines) {
			break
		}
		switch {
		case !wraps(line, lines[i+1], full):
			b.WriteByte('\n')
		case !unspaced(line, lines[i+1]):
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// dehyphenate removes the marks of broken words and the line ends after them.
func dehyphenate(s string) string {
	if !strings.ContainsAny(s, "\x02\ufffe") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		n := 0
		switch {
		case s[i] == '\x02':
			n = 1
		case strings.HasPrefix(s[i:], "\ufffe"):
			n = len("\ufffe")
		default:
			b.WriteByte(s[i])
			i++
			continue
		}
		i += n
		for i < len(s) && (s[i] == '\r' || s[i] == '\n') {
			i++
		}
	}
	return b.String()
}

// fullWidth is the length, in characters, from which a line counts as full:
// three quarters of the length that the longest tenth of lines reach.
func fullWidth(lines []string) int {
	const narrowest = 30 // shorter lines are headings and cells
	var histogram [400]int
	total := 0
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n >= narrowest {
			histogram[min(n, len(histogram)-1)]++
			total++
		}
	}
	seen := 0
	for n := len(histogram) - 1; n > 0; n-- {
		if seen += histogram[n]; seen > 0 && seen*10 >= total {
			return n * 3 / 4
		}
	}
	return narrowest
}

// wraps reports whether next goes on with line's sentence.
func wraps(line, next string, full int) bool {
	if line == "" || next == "" || utf8.RuneCountInString(line) < full {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(line)
	first, _ := utf8.DecodeRuneInString(next)
	if startsItem(next) {
		return false
	}
	switch {
	case strings.ContainsRune(",-–—/(&", last), unicode.IsLower(first):
		return true
	case strings.ContainsRune(".!?:;。！？", last):
		// A sentence may end where the line does; the paragraph goes on if the
		// next line is full too.
		return utf8.RuneCountInString(next) >= full
	}
	return true
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
