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
	closeUp bool   // the marker has just been taken out: so are spaces behind it
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
		out.WriteString(f.pass(text[:i]))
		f.found, f.closeUp = true, true
		f.leading = f.leading || !f.started
		text = text[i+len(noAnswer):]
	}
	keep := heldSuffix(text)
	f.held = text[len(text)-keep:]
	out.WriteString(f.pass(text[:len(text)-keep]))
	return out.String()
}

// flush returns what is still held when the stream has ended.
func (f *noAnswerFilter) flush() string {
	held := f.held
	f.held = ""
	return f.pass(strings.ToValidUTF8(held, ""))
}

// pass removes white space in front of the answer and behind the marker.
func (f *noAnswerFilter) pass(s string) string {
	if !f.started {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
	} else if f.closeUp {
		s = strings.TrimLeft(s, " ")
	}
	if s != "" {
		f.started, f.closeUp = true, false
	}
	return s
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
