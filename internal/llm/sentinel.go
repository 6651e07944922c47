package llm

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// noAnswerFilter takes the noAnswer marker out of a stream of tokens, however
// it is cut into them, and remembers having seen it. Text that can't belong
// to a marker passes at once; white space in front of the answer, and an
// incomplete rune at the end of a token, are held back.
type noAnswerFilter struct {
	held    string // not yet passed on
	started bool   // something has been passed on
	found   bool   // the marker has been seen
	leading bool   // … before anything else
}

// write takes a token and returns what may be passed on now.
func (f *noAnswerFilter) write(token string) string {
	text := f.held + token
	f.held = ""
	var out strings.Builder
	for {
		i := strings.Index(text, noAnswer)
		if i < 0 {
			break
		}
		before := f.trim(text[:i])
		out.WriteString(before)
		if before != "" {
			f.started = true
		}
		f.found = true
		f.leading = f.leading || !f.started
		text = text[i+len(noAnswer):]
		if f.started {
			text = strings.TrimLeft(text, " ")
		}
	}
	keep := heldSuffix(text)
	f.held = text[len(text)-keep:]
	pass := f.trim(text[:len(text)-keep])
	if pass != "" {
		f.started = true
	}
	out.WriteString(pass)
	return out.String()
}

// flush returns what is still held when the stream has ended.
func (f *noAnswerFilter) flush() string {
	pass := f.trim(strings.ToValidUTF8(f.held, ""))
	f.held = ""
	f.started = f.started || pass != ""
	return pass
}

// trim removes white space in front of the answer.
func (f *noAnswerFilter) trim(s string) string {
	if f.started {
		return s
	}
	return strings.TrimLeftFunc(s, unicode.IsSpace)
}

// heldSuffix is the length of the end of text that may be the beginning of
// the marker or of a rune.
func heldSuffix(text string) int {
	for n := min(len(noAnswer)-1, len(text)); n > 0; n-- {
		if strings.HasSuffix(text, noAnswer[:n]) {
			return n
		}
	}
	for n := 1; n <= min(utf8.UTFMax-1, len(text)); n++ {
		if b := text[len(text)-n]; utf8.RuneStart(b) {
			if b >= utf8.RuneSelf && !utf8.FullRuneInString(text[len(text)-n:]) {
				return n
			}
			break
		}
	}
	return 0
}
