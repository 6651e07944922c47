package llm

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// markupGuard makes an answer harmless in whatever shows it as Markdown, raw
// HTML allowed: an answer quotes documents, and a model can be talked into
// anything. Our widget checks for itself; other readers of the API may not.
//
//   - "<" in front of what would make it a tag gets a space behind it. So it
//     does in code: renderers differ in what they take for code.
//   - A link's target that isn't plainly http, https, mailto or relative gets a
//     "#" in front, which makes it a place on the page.
//   - "<https://…>" becomes "https://… ", "![" becomes "! [": a link may be
//     followed, but a picture is fetched unasked and tells its server so.
//   - "{" behind a link or code, and "{:", which some renderers take for HTML
//     attributes, get a space. Control characters go.
//
// Text passes at once but for the beginning of a target, which is held until its
// scheme is known. What comes out doesn't depend on how the text is cut.
type markupGuard struct {
	held      string
	last      rune // that passed
	bracketed bool // a "<" was taken out; its ">" becomes a space
}

const (
	// maxTarget is how much of a target is looked at, in bytes. None that is
	// allowed needs as much before its scheme's colon.
	maxTarget = 64
	// maxBlank is how much white space may stand in front of a target, in bytes.
	// It can't be waited for longer: a target behind more is not allowed.
	maxBlank = 256
)

// write takes a token, cut between characters, and returns what may be passed on
// now.
func (g *markupGuard) write(token string) string {
	token = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return -1
		}
		return r
	}, token)
	return g.pass(g.held+token, false)
}

// flush returns what is still held when the stream has ended.
func (g *markupGuard) flush() string { return g.pass(g.held, true) }

// pass returns what of text may be passed on, and holds the rest. final says
// that nothing follows.
func (g *markupGuard) pass(text string, final bool) string {
	var out strings.Builder
	g.held = ""
	for text != "" {
		switch {
		case text[0] == '<':
			scheme, decided := autolink(text[1:], final)
			if !decided {
				g.held = text
				return out.String()
			}
			if scheme {
				g.bracketed = true
				text = text[1:]
				continue
			}
		case text[0] == ']' && len(text) == 1 && !final:
			g.held = text
			return out.String()
		case strings.HasPrefix(text, "]("), strings.HasPrefix(text, "]:"):
			t := judge(text[:2], text[2:], final)
			if t.verdict == undecided {
				g.held = text
				return out.String()
			}
			out.WriteString(text[:2] + strings.ReplaceAll(text[2:2+t.at], "<", ""))
			g.bracketed = g.bracketed || t.bracketed
			g.last = rune(text[1])
			if t.verdict == forbidden {
				out.WriteByte('#')
				g.last = '#'
			}
			text = text[2+t.at:]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		if g.bracketed && (r == '>' || r == '\n') {
			g.bracketed = false
			if r == '>' { // not nothing: what it parts must not come together
				r, text = ' ', " "+text[1:]
			}
		}
		if mustPart(g.last, r) {
			out.WriteByte(' ')
		}
		out.WriteString(text[:size])
		g.last, text = r, text[size:]
	}
	return out.String()
}

// mustPart reports whether two characters mean something together that they must
// not mean.
func mustPart(last, next rune) bool {
	switch last {
	case '<':
		return unicode.IsLetter(next) || strings.ContainsRune("/!?%", next)
	case '!':
		return next == '['
	case '{':
		return next == ':'
	case ')', ']', '`':
		return next == '{'
	}
	return false
}

// autolink reports whether text, behind a "<", begins with the scheme of a
// harmless address.
func autolink(text string, final bool) (is, decided bool) {
	for _, scheme := range []string{"http://", "https://", "mailto:"} {
		n := min(len(text), len(scheme))
		if !strings.EqualFold(text[:n], scheme[:n]) {
			continue
		}
		if n == len(scheme) {
			return true, true
		}
		if !final {
			return false, false
		}
	}
	return false, true
}

type verdict int

const (
	undecided verdict = iota
	allowed
	forbidden
)

// target is where a link leads. It begins at, behind white space and perhaps a
// "<".
type target struct {
	verdict   verdict
	at        int
	bracketed bool
}

// judge looks at the target that may stand in text, behind "](" or "]:". Browsers
// leave white space out of a scheme, and so does judge.
func judge(opener, text string, final bool) target {
	var t target
	for t.at < len(text) && (isBlank(text[t.at]) || text[t.at] == '<') {
		t.bracketed = t.bracketed || text[t.at] == '<'
		t.at++
	}
	if t.at > maxBlank {
		return target{verdict: forbidden}
	}
	t.verdict = judgeScheme(opener, text[t.at:], final)
	return t
}

func judgeScheme(opener, head string, final bool) verdict {
	blank := false
	for i := 0; i < len(head); i++ {
		switch c := head[i]; {
		case i >= maxTarget:
			return forbidden
		case c == ':':
			return judgeColon(opener, head, i, blank, final)
		case strings.IndexByte("/?#)", c) >= 0:
			return allowed // relative, or no link
		case isBlank(c) && opener == "]:":
			return allowed // a definition's target ends here
		case isBlank(c):
			blank = true
		case blank && strings.IndexByte(`"'(`, c) >= 0:
			return allowed // the title, and no scheme before it
		case strings.IndexByte(`&\<>`, c) >= 0:
			return forbidden // may hide a colon
		}
	}
	if final {
		return allowed
	}
	return undecided
}

// judgeColon judges a target with a colon at i, behind its scheme.
func judgeColon(opener, head string, i int, blank, final bool) verdict {
	rest := head[i+1:]
	switch scheme := strings.ToLower(head[:i]); {
	case blank:
		return forbidden
	case scheme == "mailto":
		return allowed
	case scheme == "http", scheme == "https":
		n := min(len(rest), 2)
		switch {
		case rest[:n] != "//"[:n]:
			return forbidden
		case n < 2 && !final:
			return undecided
		}
		return allowed
	case opener == "]:" && rest == "" && !final:
		return undecided
	case opener == "]:" && (rest == "" || isBlank(rest[0])):
		return allowed // "[1]: Note: …", a scheme without a rest
	}
	return forbidden
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// harmless is a whole text made harmless.
func harmless(text string) string {
	var g markupGuard
	return g.write(text) + g.flush()
}
