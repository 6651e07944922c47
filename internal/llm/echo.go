package llm

import "strings"

// echoGuard keeps the rules from being recited. Text passes until echoWindow
// bytes of it stand in the rules word for word; from there on it is held, until
// either the likeness ends, and it passes, or it has gone on for echoLimit
// bytes, which no answer does by chance.
type echoGuard struct {
	recent  string // the last echoWindow-1 bytes of all text
	held    string
	echoing bool // the limit was reached
}

const (
	echoWindow = 32
	echoLimit  = 96
)

// ruleWindows are all runs of echoWindow bytes in the rules. The examples are
// left out: their sentences may well be true of a shop.
var ruleWindows = func() map[string]struct{} {
	text, _, _ := strings.Cut(rules, "# Examples")
	windows := make(map[string]struct{}, len(text))
	for i := 0; i+echoWindow <= len(text); i++ {
		windows[text[i:i+echoWindow]] = struct{}{}
	}
	return windows
}()

// write takes a token and returns what may be passed on now.
func (g *echoGuard) write(token string) string {
	if g.echoing {
		return ""
	}
	text := g.recent + token
	passed := 0 // bytes of token that may go
	var out strings.Builder
	for end := len(g.recent) + 1; end <= len(text); end++ {
		i := end - len(g.recent) // bytes of token looked at
		alike := false
		if end >= echoWindow {
			_, alike = ruleWindows[text[end-echoWindow:end]]
		}
		if !alike {
			out.WriteString(g.held)
			g.held = ""
			out.WriteString(token[passed:i])
			passed = i
			continue
		}
		g.held += token[passed:i]
		passed = i
		if len(g.held) > echoLimit-echoWindow {
			g.held, g.echoing = "", true
			return out.String()
		}
	}
	g.recent = text[max(0, len(text)-echoWindow+1):]
	return out.String()
}

// flush returns what is still held when the stream has ended.
func (g *echoGuard) flush() string {
	held := g.held
	g.held = ""
	return held
}
