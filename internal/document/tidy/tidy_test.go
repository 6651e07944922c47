package tidy_test

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

func TestText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"plain":           {"one two\nthree", "one two\nthree"},
		"line ends":       {"a\r\nb\rc\u2028d\fe", "a\nb\nc\nd\ne"},
		"blank lines":     {"\n\na\n\n\n\nb\n\n", "a\n\nb"},
		"spaces":          {"  a   b  \n  c\u00a0\u00a0d", "a b\nc d"},
		"tabs":            {"a \t b\t\tc\t\nd", "a\tb\tc\nd"},
		"composed":        {"Mu\u0308nchen", "M\u00fcnchen"},
		"invisible":       {"in\u00advis\u200bible\ufeff \x00\x07x", "invisible x"},
		"bidi overrides":  {"abc\u202edef\u202c", "abcdef"},
		"tag characters":  {"a\U000e0041b", "ab"},
		"joiners stay":    {"\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"},
		"invalid":         {"a\xffb", "a\ufffdb"},
		"only whitespace": {" \n\t ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, tidy.Text(c.in))
		})
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Unit price EUR", tidy.Line(" Unit\n price\tEUR "))
}

func TestTextIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-c \n\t\r]*`)).Draw(t, "s")
		once := tidy.Text(s)
		if !utf8.ValidString(once) {
			t.Fatalf("not UTF-8: %q", once)
		}
		if twice := tidy.Text(once); twice != norm.NFC.String(once) && twice != once {
			t.Fatalf("%q became %q", once, twice)
		}
	})
}
