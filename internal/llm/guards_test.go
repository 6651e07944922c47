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
