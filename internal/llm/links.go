package llm

import "strings"

// linkGuard takes the sting out of links that an answer must not have: the
// targets of Markdown links whose scheme is not http, https or mailto get a
// "#" in front, which makes them a place on the page. Answers are shown as
// Markdown by our widget, which checks schemes itself, and by others' programs,
// which may not.
//
// Text passes at once but for the beginning of a target, which is held until
// its scheme is known.
type linkGuard struct {
	held string // begins with an opener
}

// maxTarget is how much of a target is looked at, in bytes. None that is
// allowed needs as much before its scheme's colon.
const maxTarget = 64

// maxBlank is how much white space may stand in front of a target, in bytes.
// With more of it, whatever follows is none: it can't be waited for.
const maxBlank = 256

// write takes a token and returns what may be passed on now.
func (g *linkGuard) write(token string) string {
	text := g.held + token
	g.held = ""
	var out strings.Builder
	for text != "" {
		open, size := findOpener(text)
		if open < 0 {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:open])
		text = text[open:]
		if len(text) < size { // the opener's second byte may still come
			g.held = text
			return out.String()
		}
		verdict, target := judge(text[:size], text[size:])
		if verdict == undecided {
			g.held = text
			return out.String()
		}
		out.WriteString(text[:size+target])
		if verdict == forbidden {
			out.WriteString("#")
		}
		text = text[size+target:]
	}
	return out.String()
}

// flush returns what is still held when the stream has ended.
func (g *linkGuard) flush() string {
	held := g.held
	g.held = ""
	if verdict, target := judge(opened(held), held[len(opened(held)):]+"\n"); verdict == forbidden {
		at := len(opened(held)) + target
		return held[:at] + "#" + held[at:]
	}
	return held
}

func opened(held string) string {
	if strings.HasPrefix(held, "]") {
		return held[:min(2, len(held))]
	}
	return held[:min(1, len(held))]
}

// findOpener finds where a target may begin: behind "](" and "]:", and within
// "<…>". size is the opener's length.
func findOpener(text string) (at, size int) {
	for i := range len(text) {
		switch text[i] {
		case '<':
			return i, 1
		case ']':
			if i+1 == len(text) || text[i+1] == '(' || text[i+1] == ':' {
				return i, 2
			}
		}
	}
	return -1, 0
}

type verdict int

const (
	undecided verdict = iota
	allowed
	forbidden
)

// judge looks at a target, and says where it begins behind white space and
// "<". What may hide a scheme (an entity, a backslash, a control character)
// counts as a forbidden one.
func judge(opener, text string) (v verdict, target int) {
	if opener != "<" {
		for target < len(text) && (text[target] == ' ' || text[target] == '\t' || text[target] == '\n' || text[target] == '\r' || text[target] == '<') {
			target++
		}
		if target > maxBlank {
			return forbidden, 0
		}
	}
	head := text[target:]
	for i := 0; i < len(head); i++ {
		c := head[i]
		switch {
		case c == ':':
			switch strings.ToLower(head[:i]) {
			case "http", "https", "mailto":
				return allowed, target
			}
			if opener == "<" && i < 2 { // no autolink: a scheme has two characters and more
				return allowed, target
			}
			if opener == "]:" && !strings.Contains(text[:target], "<") {
				// As in "[1]: Note: …": a definition's target ends with its line's
				// first white space, so this is none but a scheme without a rest.
				switch {
				case i+1 == len(head):
					return undecided, target
				case head[i+1] == ' ' || head[i+1] == '\t' || head[i+1] == '\n' || head[i+1] == '\r':
					return allowed, target
				}
			}
			return forbidden, target
		case c == '&' || c == '\\' || c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f:
			if opener == "<" {
				return allowed, target // no autolink
			}
			return forbidden, target
		case c == '/' || c == '?' || c == '#' || c == ')' || c == '>' || c == ' ' || c == '\n' || c == '\t' || c == '\r':
			return allowed, target // relative, or no link
		case opener == "<" && !schemeByte(c, i):
			return allowed, target
		}
		if i >= maxTarget {
			return forbidden, target
		}
	}
	return undecided, target
}

// schemeByte reports whether c may be the i-th of a scheme (RFC 3986 §3.1).
func schemeByte(c byte, i int) bool {
	letter := c|0x20 >= 'a' && c|0x20 <= 'z'
	return letter || i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.')
}
