package chatconnect_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestCitations(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string][]int{
		"":                           nil,
		"none":                       nil,
		"a [2] b [1] c [2]":          {2, 1},
		"a [1][3]":                   {1, 3},
		"a [1, 3; 2]":                {1, 3, 2},
		"a [2-4]":                    {2, 3, 4},
		"a [ 2 – 3 ]":                {2, 3},
		"a [4-2]":                    {4, 2},
		"a [0] [6] [99] [2024]":      nil,
		"a [1-999]":                  {1, 2, 3, 4, 5},
		"array[1] and [x] and [1a]":  {1},
		"half [1":                    nil,
		"a [999999999999999999] [5]": {5},
	} {
		require.Equal(t, want, chatconnect.Citations(answer, 5), answer)
	}
}

func chunk(document string, page int, content string, score float64) chatconnect.Passage {
	return chatconnect.Passage{DocumentID: chatconnect.DocumentID(document), DocumentName: document + ".pdf", Page: page, Content: content, Score: score}
}

var found = []chatconnect.Passage{
	chunk("a", 1, "Apples are red.", 0.5),
	chunk("b", 1, "Pears are green.", 0.4),
	chunk("a", 1, "Bananas are yellow.", 0.6),
	chunk("a", 2, "Plums are blue.", 0.2),
}

func TestSourceNumbers(t *testing.T) {
	t.Parallel()
	require.Equal(t, []int{1, 2, 1, 4}, chatconnect.SourceNumbers(found))
	require.Empty(t, chatconnect.SourceNumbers(nil))
}

func TestCited(t *testing.T) {
	t.Parallel()
	indexes := func(sources []chatconnect.Source) []int {
		list := []int{}
		for _, s := range sources {
			list = append(list, s.Index)
		}
		return list
	}
	require.Equal(t, []int{2, 1}, indexes(chatconnect.Cited("Pears [2], apples [1], pears [2].", found)))
	require.Equal(t, []int{1, 2, 4}, indexes(chatconnect.Cited("Fruit has colours.", found)), "none cited: all, in rank order")
	require.Equal(t, []int{1}, indexes(chatconnect.Cited("Bananas are yellow [3], apples red [1].", found)), "one page is one source")
	require.Equal(t, []int{1, 2, 4}, indexes(chatconnect.Cited("See [77].", found)), "a number that is none")
	require.Equal(t, []chatconnect.Source{}, chatconnect.Cited(" ", found))
	require.Equal(t, []chatconnect.Source{}, chatconnect.Cited("text [1]", nil))

	source := chatconnect.Cited("Bananas are yellow [1].", found)[0]
	require.Equal(t, chatconnect.Source{Index: 1, DocumentID: "a", Name: "a.pdf", Page: 1, Score: 0.6, Snippet: "Bananas are yellow."}, source)
}

func TestSnippet(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("Nothing to see here, move along please. ", 20)
	for name, tt := range map[string]struct{ content, want string }{
		"whole":           {"  The  return\n\nperiod is 30 days. ", "The return period is 30 days."},
		"in the middle":   {filler + "The return period is 30 days from delivery. " + filler, "The return period is 30 days from delivery."},
		"at the end":      {filler + "The return period is 30 days.", "The return period is 30 days."},
		"wide runes":      {strings.Repeat("ä世 ", 200) + "return period 30 days", "return period 30 days"},
		"one long word":   {strings.Repeat("x", 1000), "xxxx"},
		"no space at all": {strings.Repeat("退货期限为三十天", 100), "退货期限为三十天"},
	} {
		sources := chatconnect.Cited("You have a return period of 30 days [1].", []chatconnect.Passage{chunk("a", 1, tt.content, 1)})
		snippet := sources[0].Snippet
		require.Contains(t, snippet, tt.want, name)
		require.LessOrEqual(t, utf8.RuneCountInString(snippet), chatconnect.SnippetRunes, name)
		require.True(t, utf8.ValidString(snippet), name)
		require.NotContains(t, snippet, "  ", name)
		require.NotContains(t, snippet, "\n", name)
	}
}
