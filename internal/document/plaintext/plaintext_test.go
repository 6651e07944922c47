package plaintext_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/plaintext"
	"github.com/chatconnect/chatconnect/internal/document/sink"
)

func read(data string) (*sink.Memory, error) {
	out := &sink.Memory{}
	return out, plaintext.Read(strings.NewReader(data), int64(len(data)), out)
}

func TestRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want []chatconnect.Block
	}{
		"plain":      {"One.\r\n\r\n\r\nTwo.\n", []chatconnect.Block{{Text: "One.\n\nTwo."}}},
		"one line":   {"One", []chatconnect.Block{{Text: "One"}}},
		"utf-16":     {"\xff\xfeO\x00n\x00e\x00", []chatconnect.Block{{Text: "One"}}},
		"markdown":   {"# Prices\n\n## Shipping\n\nfree\n\n## Returns\n\nten days\n# End\nstill returns\n", []chatconnect.Block{{Text: "free", Section: "Prices > Shipping"}, {Text: "ten days\n# End\nstill returns", Section: "Prices > Returns"}}},
		"heading":    {"# Alone\n", []chatconnect.Block{{Text: "Alone", Section: "Alone"}}},
		"two":        {"# One\n\n# Two\n\ntext\n", []chatconnect.Block{{Text: "One", Section: "One"}, {Text: "text", Section: "Two"}}},
		"code fence": {"# One\n\ntext\n\n```\n\n# not a heading\n```\n", []chatconnect.Block{{Text: "text\n\n```\n\n# not a heading\n```", Section: "One"}}},
		"script":     {"# set up\n# the rest\nx = 1\n# more\ny = 2\n", []chatconnect.Block{{Text: "# set up\n# the rest\nx = 1\n# more\ny = 2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := read(c.in)
			require.NoError(t, err)
			require.Equal(t, c.want, out.Blocks)
		})
	}
}

func TestLongFilesComeInBlocks(t *testing.T) {
	t.Parallel()
	for name, unit := range map[string]string{
		"paragraphs": strings.Repeat("words in a row ", 20) + "\n\n",
		"lines":      "a line of words\n",
		"no lines":   "words and ",
		"unbroken":   "ü",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Repeat(unit, 1_000_000/len(unit))
			out, err := read(text)
			require.NoError(t, err)
			require.Greater(t, len(out.Blocks), 10)
			for _, b := range out.Blocks {
				require.LessOrEqual(t, len(b.Text), 70<<10)
				require.True(t, utf8.ValidString(b.Text))
			}
			squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
			require.Equal(t, squeeze(text), squeeze(out.Text()))
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, code string }{
		"white space": {" \n\t\r\n", chatconnect.CodeNoText},
		"binary":      {"text\x00\x01\x02\x03\x04\x05\x06\x07\x08", chatconnect.CodeCorrupt},
		"controls":    {strings.Repeat("\x01\x02ab", 100), chatconnect.CodeCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(c.in)
			require.Equal(t, c.code, chatconnect.AsError(err).Code)
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("# One\n\ntext\n```\n# x\n"))
	f.Add([]byte("\xff\xfea\x00\n\x00\x00\xd8"))
	f.Add([]byte("\xfe\xff\xd8\x00"))
	f.Add([]byte("caf\xe9 \x93quoted\x94\r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := read(string(data))
		if err != nil {
			require.Equal(t, chatconnect.KindInvalid, chatconnect.AsError(err).Kind, "%v", err)
			return
		}
		require.NotEmpty(t, out.Blocks)
		for _, b := range out.Blocks {
			require.True(t, utf8.ValidString(b.Text))
			require.True(t, utf8.ValidString(b.Section))
			require.NotEmpty(t, strings.TrimSpace(b.Text))
		}
	})
}
