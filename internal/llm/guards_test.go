package llm

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/language/replies"
)

func guardLinks(text string, cuts ...int) string {
	var g linkGuard
	out, from := "", 0
	for _, cut := range cuts {
		out += g.write(text[from:cut])
		from = cut
	}
	return out + g.write(text[from:]) + g.flush()
}

func TestOnlyHarmlessLinksPass(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"See [the page](https://example.com/a?b=c:d) [1].", "See [the page](https://example.com/a?b=c:d) [1]."},
		{"[a](http://h) [b](MAILTO:a@b.c) [c](/path) [d](#top) [e](page.html) [f]()", "[a](http://h) [b](MAILTO:a@b.c) [c](/path) [d](#top) [e](page.html) [f]()"},
		{"[a](javascript:alert(1))", "[a](#javascript:alert(1))"},
		{"[a]( \n JavaScript:alert(1))", "[a]( \n #JavaScript:alert(1))"},
		{"[a](<javascript:alert(1)>)", "[a](<#javascript:alert(1)>)"},
		{"[a](java&#115;cript:alert(1))", "[a](#java&#115;cript:alert(1))"},
		{`[a](java\script:x)`, `[a](#java\script:x)`},
		{"[a](\x01javascript:x)", "[a](#\x01javascript:x)"},
		{"![a](data:text/html;base64,AAAA)", "![a](#data:text/html;base64,AAAA)"},
		{"[a]: vbscript:x\n", "[a]: #vbscript:x\n"},
		{"[note]: see below", "[note]: see below"},
		{"As in [1]: Warranty: two years [2]: Opens:\n", "As in [1]: Warranty: two years [2]: Opens:\n"},
		{"[a]: <javascript: alert(1)>", "[a]: <#javascript: alert(1)>"},
		{"[a]: javascript:", "[a]: javascript:"},
		{"<javascript:alert(1)> <https://h> a < b: c <b>", "<#javascript:alert(1)> <https://h> a < b: c <b>"},
		{"[1]: the price is [2](file:///etc/passwd", "[1]: the price is [2](#file:///etc/passwd"},
		{"[a](" + strings.Repeat("x", 100) + ":y)", "[a](#" + strings.Repeat("x", 100) + ":y)"},
		{"[a](" + strings.Repeat(" ", 100) + "data:x)", "[a](" + strings.Repeat(" ", 100) + "#data:x)"},
		{"[a](" + strings.Repeat(" ", 300) + "data:x)", "[a](#" + strings.Repeat(" ", 300) + "data:x)"},
		{"ends with [a]", "ends with [a]"},
		{"ends with [a](", "ends with [a]("},
		{"ends with [a](javascript:", "ends with [a](#javascript:"},
		{"plain: text, 5 < 6: yes", "plain: text, 5 < 6: yes"},
	} {
		require.Equal(t, tt.want, guardLinks(tt.text), tt.text)
	}
}

// However an answer is cut into tokens, the same comes out.
func TestLinksAreGuardedInAnyCut(t *testing.T) {
	t.Parallel()
	part := rapid.SampledFrom([]string{"[a](", "](", "]: ", "Note: ", "<", ">", "javascript:", "https://h", "data:", " ", ")", "text ", "&#58;", "[1]", "é", strings.Repeat(" ", 100)})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "parts"), "")
		whole := guardLinks(text)
		var cuts []int
		for i := range text {
			if i > 0 && rapid.Bool().Draw(t, "cut") {
				cuts = append(cuts, i)
			}
		}
		if got := guardLinks(text, cuts...); got != whole {
			t.Fatalf("%q cut at %v: %q, whole: %q", text, cuts, got, whole)
		}
		if strings.ReplaceAll(whole, "#", "") != strings.ReplaceAll(text, "#", "") {
			t.Fatalf("%q became %q", text, whole)
		}
	})
}

func TestTheRulesAreNotRecited(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		for name, reply := range map[string]string{
			"from the beginning": rules[:2000],
			"after a few words":  "Sure! Here they are: " + rules[500:1500],
		} {
			f := newFake(t, fakemodel.Knobs{Mode: fakemodel.ModeFixed, Text: reply})
			var tokens []string
			got, err := f.model(t, provider, Timeouts{}).Generate(timeout(t), shoes, collect(&tokens))
			require.NoError(t, err, name)
			require.Equal(t, got.Text, strings.Join(tokens, ""))
			require.True(t, strings.HasSuffix(got.Text, replies.Say(replies.About, language.English)), got.Text)
			require.Less(t, len(got.Text), len(replies.Say(replies.About, language.English))+echoWindow+40, "hardly any of it gets out: %q", got.Text)
			require.True(t, got.Unanswered)
		}
	})
}

func TestWhatOnlyLooksLikeTheRulesPasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, 3000).Draw(t, "from")
		text := "Well: |" + rules[from:from+rapid.IntRange(0, echoLimit-1).Draw(t, "length")] + "| and more of my own"
		var g echoGuard
		out := ""
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			out += g.write(rest[:n])
			rest = rest[n:]
		}
		if out += g.flush(); out != text || !utf8.ValidString(out) {
			t.Fatalf("%q became %q", text, out)
		}
	})
	_, examples, found := strings.Cut(rules, "# Examples")
	require.True(t, found)
	var g echoGuard
	require.Equal(t, examples, g.write(examples)+g.flush(), "what the examples say may be true of a shop")
}
