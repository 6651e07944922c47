package chunk

import (
	"strings"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer"
)

// encodeBytes is how much text is encoded at a time: the tokenizer's pattern
// matcher is not linear on every long text, so it never gets one.
const encodeBytes = 32 << 10

// tokens counts cl100k_base tokens.
type tokens struct{ codec tokenizer.Codec }

// ends appends to to the offset, counted from base, at which each token of
// text ends. Text must be valid UTF-8.
func (t tokens) ends(to []int, text string, base int) ([]int, error) {
	for len(text) > 0 {
		n := blockEnd(text)
		_, pieces, err := t.codec.Encode(text[:n])
		if err != nil {
			return to, err
		}
		at := base
		for _, piece := range pieces {
			at += len(piece)
			to = append(to, at)
		}
		base += n
		text = text[n:]
	}
	return to, nil
}

// count is the number of tokens of one chunk's content.
func (t tokens) count(text string) (int, error) { return t.codec.Count(text) }

// blockEnd finds where the first block of text ends: before white space, so
// that the word after it is encoded as in the whole text, else at a rune.
func blockEnd(text string) int {
	if len(text) <= encodeBytes {
		return len(text)
	}
	if i := strings.LastIndexAny(text[encodeBytes/2:encodeBytes], " \n"); i >= 0 {
		return encodeBytes/2 + i
	}
	n := encodeBytes
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}
