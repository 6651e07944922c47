package chunk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/proctest"
)

func newChunker(t testing.TB) *Chunker {
	t.Helper()
	c, err := New()
	require.NoError(t, err)
	return c
}

func each(blocks ...chatconnect.Block) iter.Seq2[chatconnect.Block, error] {
	return func(yield func(chatconnect.Block, error) bool) {
		for _, b := range blocks {
			if !yield(b, nil) {
				return
			}
		}
	}
}

func chunks(t testing.TB, c *Chunker, blocks ...chatconnect.Block) []chatconnect.Chunk {
	t.Helper()
	var out []chatconnect.Chunk
	require.NoError(t, c.Chunk(context.Background(), each(blocks...), func(chunk chatconnect.Chunk) error {
		out = append(out, chunk)
		return nil
	}))
	return out
}

// prose makes n sentences, every tenth ending a paragraph.
func prose(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Sentence number %d speaks of bicycles, bridges and the price of %d lamps.", i, i*7%93)
		if i%10 == 9 {
			b.WriteString("\n\n")
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func TestShortTextIsOneChunk(t *testing.T) {
	t.Parallel()
	got := chunks(t, newChunker(t), chatconnect.Block{Text: "Open from nine to five.", Page: 3, Section: "Hours"})
	require.Equal(t, []chatconnect.Chunk{{Content: "Hours\n\nOpen from nine to five.", Tokens: 8, Page: 3, Section: "Hours"}}, got)
}

func TestNoTextIsNoChunk(t *testing.T) {
	t.Parallel()
	require.Empty(t, chunks(t, newChunker(t)))
	require.Empty(t, chunks(t, newChunker(t), chatconnect.Block{Text: " \n "}))
}

func TestCutsAtSentences(t *testing.T) {
	t.Parallel()
	got := chunks(t, newChunker(t), chatconnect.Block{Text: prose(200)})
	require.Greater(t, len(got), 5)
	for _, chunk := range got {
		require.True(t, strings.HasSuffix(chunk.Content, "lamps."), "ends with %q", chunk.Content[len(chunk.Content)-20:])
		require.True(t, strings.HasPrefix(chunk.Content, "Sentence number"), "starts with %q", chunk.Content[:20])
	}
}

func TestPagesAndSectionsAreNotMixed(t *testing.T) {
	t.Parallel()
	got := chunks(t, newChunker(t),
		chatconnect.Block{Text: "First page.", Page: 1, Section: "A"},
		chatconnect.Block{Text: "Still the first.", Page: 1, Section: "A"},
		chatconnect.Block{Text: "New section.", Page: 1, Section: "A > B"},
		chatconnect.Block{Text: "Second page.", Page: 2, Section: "A > B"},
	)
	var contents []string
	for i, chunk := range got {
		require.Equal(t, i, chunk.Index)
		contents = append(contents, chunk.Content)
	}
	require.Equal(t, []string{"A\n\nFirst page.\n\nStill the first.", "A > B\n\nNew section.", "A > B\n\nSecond page."}, contents)
	require.Equal(t, []int{1, 1, 2}, []int{got[0].Page, got[1].Page, got[2].Page})
}

func TestSentenceOverThePageBreakIsKeptWhole(t *testing.T) {
	t.Parallel()
	got := chunks(t, newChunker(t),
		chatconnect.Block{Text: "All is well. The deposit for a cargo bicycle", Page: 4},
		chatconnect.Block{Text: "is 250 euros. It is returned in cash.", Page: 5},
		chatconnect.Block{Text: "Nothing goes on here.", Page: 6},
	)
	require.Len(t, got, 3)
	require.Equal(t, "The deposit for a cargo bicycle is 250 euros. It is returned in cash.", got[1].Content)
	require.Equal(t, 5, got[1].Page)
	require.Equal(t, "Nothing goes on here.", got[2].Content)
}

func TestRowsAreChunksOfTheirOwn(t *testing.T) {
	t.Parallel()
	got := chunks(t, newChunker(t),
		chatconnect.Block{Text: "SKU: A; Price: 1", Row: 1},
		chatconnect.Block{Text: "SKU: B; Price: 2", Row: 3},
		chatconnect.Block{Text: "SKU: C; Note: " + prose(60), Row: 4},
	)
	require.Equal(t, "SKU: B; Price: 2", got[1].Content)
	require.Equal(t, 3, got[1].Row)
	require.Greater(t, len(got), 3)
	for _, chunk := range got[2:] {
		require.Equal(t, 4, chunk.Row)
	}
}

func TestVeryManyRowsShareChunks(t *testing.T) {
	t.Parallel()
	const rows = maxRowChunks + 1000
	blocks := func(yield func(chatconnect.Block, error) bool) {
		for row := 1; row <= rows; row++ {
			if !yield(chatconnect.Block{Text: fmt.Sprintf("SKU: A-%d; Price: %d", row, row%97), Row: row}, nil) {
				return
			}
		}
	}
	var got []chatconnect.Chunk
	require.NoError(t, newChunker(t).Chunk(context.Background(), blocks, func(c chatconnect.Chunk) error {
		require.LessOrEqual(t, c.Tokens, MaxTokens)
		got = append(got, c)
		return nil
	}))
	require.Equal(t, maxRowChunks, got[maxRowChunks-1].Row)
	require.Less(t, len(got), maxRowChunks+100)
	shared := got[maxRowChunks]
	require.Equal(t, maxRowChunks+1, shared.Row)
	require.True(t, strings.HasPrefix(shared.Content, "Row 10001: SKU: A-10001;"), shared.Content[:40])
	all := ""
	for _, c := range got[maxRowChunks:] {
		all += c.Content + "\n"
	}
	for row := maxRowChunks + 1; row <= rows; row++ {
		require.Contains(t, all, fmt.Sprintf("Row %d: SKU: A-%d;", row, row))
	}
}

func TestLongHeadingsAreShortened(t *testing.T) {
	t.Parallel()
	section := strings.Repeat("Very long chapter title ", 30) + " > Short one"
	for _, chunk := range chunks(t, newChunker(t), chatconnect.Block{Text: prose(100), Section: section}) {
		require.True(t, strings.HasPrefix(chunk.Content, "Short one\n\n"))
		require.LessOrEqual(t, chunk.Tokens, MaxTokens)
	}
	for _, chunk := range chunks(t, newChunker(t), chatconnect.Block{Text: "x", Section: strings.Repeat("endless ", 500)}) {
		require.Less(t, chunk.Tokens, maxHeading+10)
	}
}

func TestErrorsEndTheRun(t *testing.T) {
	t.Parallel()
	c := newChunker(t)
	broken := errors.New("broken")
	require.ErrorIs(t, c.Chunk(context.Background(), func(yield func(chatconnect.Block, error) bool) {
		yield(chatconnect.Block{}, broken)
	}, func(chatconnect.Chunk) error { return nil }), broken)
	require.ErrorIs(t, c.Chunk(context.Background(), each(chatconnect.Block{Text: "a"}), func(chatconnect.Chunk) error { return broken }), broken)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, c.Chunk(ctx, each(chatconnect.Block{Text: "a"}), func(chatconnect.Chunk) error { return nil }), context.Canceled)
}

// TestProperties holds for any text at all: see checkProperties.
func TestProperties(t *testing.T) {
	t.Parallel()
	c := newChunker(t)
	rapid.Check(t, func(t *rapid.T) {
		checkProperties(t, c, drawBlocks(t))
	})
}

type fataler interface {
	Fatalf(format string, args ...any)
	Helper()
}

// checkProperties chunks blocks and checks: indexes are dense; no chunk is
// over the limit and each says its true count; all are valid UTF-8; the own
// texts of all chunks, put together, are the text; and where a text goes on
// from one chunk to the next, 40 to 60 tokens are repeated.
func checkProperties(t fataler, c *Chunker, blocks []chatconnect.Block) {
	t.Helper()
	type piece struct{ repeated, own string }
	var pieces []piece
	index := 0
	var at []place
	r := &run{tokens: c.tokens}
	r.trace = func(repeated, own string) { pieces = append(pieces, piece{repeated, own}) }
	r.emit = func(chunk chatconnect.Chunk) error {
		n, err := c.tokens.count(chunk.Content)
		switch {
		case err != nil:
			return err
		case chunk.Index != index:
			t.Fatalf("index %d, want %d", chunk.Index, index)
		case n != chunk.Tokens, n > MaxTokens, n == 0:
			t.Fatalf("chunk %d says %d tokens and has %d", index, chunk.Tokens, n)
		case !utf8.ValidString(chunk.Content):
			t.Fatalf("chunk %d is not UTF-8: %q", index, chunk.Content)
		case strings.TrimSpace(chunk.Content) != chunk.Content:
			t.Fatalf("chunk %d is not trimmed: %q", index, chunk.Content)
		}
		own := pieces[len(pieces)-1].own
		if !strings.HasSuffix(chunk.Content, strings.TrimSpace(own)) {
			t.Fatalf("chunk %d does not end with its own text", index)
		}
		at = append(at, place{chunk.Page, chunk.Row, chunk.Section})
		index++
		return nil
	}
	want := ""
	for _, b := range blocks {
		want += strings.ToValidUTF8(b.Text, "\uFFFD")
		if err := r.add(b); err != nil {
			t.Fatalf("add: %v", err)
		}
	}
	if err := r.finish(); err != nil {
		t.Fatalf("finish: %v", err)
	}
	got := ""
	for i, p := range pieces {
		got += p.own
		if i == 0 || at[i] != at[i-1] || p.repeated == "" {
			if i > 0 && at[i] == at[i-1] {
				t.Fatalf("chunk %d repeats nothing", i)
			}
			continue
		}
		n, err := c.tokens.count(p.repeated)
		if err != nil {
			t.Fatalf("count: %v", err)
		}
		if n < 40 || n > 60 {
			t.Fatalf("chunk %d repeats %d tokens: %q", i, n, p.repeated)
		}
	}
	// Blocks of one place are joined with blank lines, and white space alone
	// makes no chunk; all the rest must be there, in order.
	if squeeze(got) != squeeze(want) {
		t.Fatalf("text was lost or repeated:\n%q\n%q", squeeze(got), squeeze(want))
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// drawBlocks makes documents of texts that stress the cutter: prose, words
// without end, scripts without spaces, runes of many tokens, white space.
func drawBlocks(t *rapid.T) []chatconnect.Block {
	piece := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string { return prose(rapid.IntRange(1, 120).Draw(t, "sentences")) }),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.SampledFrom([]string{
				"x", "ab", "自転車", "é", "e\u0301", "👩‍🔧", "a b ", "\n", "    ", "1234567890", "नमस्ते ", "<|endoftext|>", "?!", ".\n", "\u00a0", "ไทย", "\x00", "\xff",
			}).Draw(t, "unit"), rapid.IntRange(1, 3000).Draw(t, "times"))
		}),
		rapid.String(),
		rapid.StringN(200, 3000, -1),
	)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) chatconnect.Block {
		return chatconnect.Block{
			Text:    strings.Join(rapid.SliceOfN(piece, 1, 4).Draw(t, "pieces"), " "),
			Page:    rapid.IntRange(0, 1).Draw(t, "page"),
			Section: rapid.SampledFrom([]string{"", "", "Prices > Shipping"}).Draw(t, "section"),
		}
	}), 1, 4).Draw(t, "blocks")
}

func FuzzChunker(f *testing.F) {
	c := newChunker(f)
	f.Add(prose(80), "Prices > Shipping")
	f.Add(strings.Repeat("自転車図書館。", 400), "")
	f.Add(strings.Repeat("x", 9000), "\xff")
	f.Add(strings.Repeat("e\u0301\u0302", 1500)+"\x00 <|endoftext|>", " > ")
	f.Fuzz(func(t *testing.T, text, section string) {
		if len(text) > 16<<10 {
			t.Skip()
		}
		checkProperties(t, c, []chatconnect.Block{{Text: text, Section: section}})
	})
}

func TestTimeIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	c := newChunker(t)
	for name, text := range map[string]string{
		"prose":    prose(20_000),
		"unbroken": strings.Repeat("a1b2", 400_000),
		"spaces":   strings.Repeat(" ", 1_600_000) + "x",
		"newlines": strings.Repeat("\n", 1_600_000) + "x",
	} {
		t.Run(name, func(t *testing.T) {
			took := proctest.CPUTime(t, func() { chunks(t, c, chatconnect.Block{Text: text}) })
			t.Logf("%.1f MB in %v", float64(len(text))/1e6, took)
			// Quadratic would be minutes; the bound is loose for slow machines
			// and the race detector.
			require.Less(t, took, 60*time.Second)
		})
	}
}

func BenchmarkChunk10MB(b *testing.B) {
	c := newChunker(b)
	text := prose(10_000_000 / 74)
	var blocks []chatconnect.Block
	for len(text) > 32<<10 {
		cut := strings.LastIndex(text[:32<<10], "\n\n")
		blocks = append(blocks, chatconnect.Block{Text: text[:cut]})
		text = text[cut+2:]
	}
	b.SetBytes(int64(len(blocks) * (32 << 10)))
	for b.Loop() {
		n := 0
		if err := c.Chunk(context.Background(), each(blocks...), func(chatconnect.Chunk) error { n++; return nil }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n), "chunks")
	}
}
