// Package chunk cuts parsed text into the pieces that are embedded, searched
// and cited.
//
// A chunk never mixes pages, rows or sections, so its page, row and section
// are those of all of its own text:
//
//   - A page starts a new chunk. If its first words go on with the last
//     sentence of the page before, that sentence's beginning is repeated in
//     front of them, and nothing else is: an overlap over the page break would
//     put a fact into a chunk that cites the wrong page.
//   - A section starts a new chunk. Its headings stand in front of the text of
//     each of its chunks.
//   - A table row is a chunk of its own, so that an answer cites the very row;
//     5,000 rows make 5,000 chunks of some 30 tokens, no more text to embed
//     than if they were packed. From row chunk 10,001 on, rows share chunks
//     and each is given its number: the index stays small, and the cited row
//     is the first of its chunk.
//
// Text longer than MaxTokens is cut at the best boundary near the limit, and
// each further chunk repeats 40 to 60 tokens of the one before.
//
// It imports the domain and the tokenizer.
package chunk

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Sizes in cl100k_base tokens.
const (
	MaxTokens     = 500 // of a chunk, its headings and overlap included
	OverlapTokens = 50  // about; between 40 and 60
	maxHeading    = 60  // of the headings in front of a chunk
)

// maxRowChunks is how many rows get a chunk of their own.
const maxRowChunks = 10_000

var _ chatconnect.Chunker = (*Chunker)(nil)

// Chunker is safe for concurrent use.
type Chunker struct{ tokens tokens }

// New loads the tokenizer's vocabulary, which is part of the binary.
func New() (*Chunker, error) {
	codec, err := tokenizer.Get(tokenizer.Cl100kBase)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	return &Chunker{tokens: tokens{codec}}, nil
}

// Chunk calls emit with the chunks of blocks in order, Index from 0 without
// gaps. It reads blocks once, holds at most some hundred kilobytes of them,
// and takes time linear in their text. Errors of blocks, emit and ctx end it.
func (c *Chunker) Chunk(ctx context.Context, blocks iter.Seq2[chatconnect.Block, error], emit func(chatconnect.Chunk) error) error {
	r := &run{tokens: c.tokens, emit: emit}
	for block, err := range blocks {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.add(block); err != nil {
			return err
		}
	}
	return r.finish()
}

// place is where text stands; a chunk has one.
type place struct {
	page    int
	row     int
	section string
}

// run is one pass over a document.
type run struct {
	tokens tokens
	emit   func(chatconnect.Chunk) error

	flow  *flow // the text at the current place
	next  int   // index of the next chunk
	rows  int   // chunks made of rows so far
	packs *pack // rows that will share a chunk

	trace func(repeated, own string) // for tests: what each chunk is made of
}

func (r *run) add(block chatconnect.Block) error {
	block.Text = strings.ToValidUTF8(block.Text, "\uFFFD")
	if strings.TrimSpace(block.Text) == "" {
		return nil
	}
	at := place{block.Page, block.Row, block.Section}
	if r.flow != nil && r.flow.place == at {
		return r.flow.add("\n\n" + block.Text)
	}
	if at.row > 0 && r.rows >= maxRowChunks {
		return r.pack(at, block.Text)
	}
	lead, err := r.endFlow(at, block.Text)
	if err != nil {
		return err
	}
	heading, err := r.heading(block.Section)
	if err != nil {
		return err
	}
	if r.flow, err = newFlow(r, at, heading, lead); err != nil {
		return err
	}
	if at.row > 0 {
		r.rows++
	}
	return r.flow.add(block.Text)
}

// endFlow finishes the text so far and returns what of it must be repeated in
// front of next, which starts at place to: the beginning of a sentence that a
// page break cut.
func (r *run) endFlow(to place, next string) (lead string, err error) {
	if err := r.unpack(); err != nil {
		return "", err
	}
	if r.flow == nil {
		return "", nil
	}
	from := r.flow
	r.flow = nil
	if to.page == from.place.page+1 && from.place.page > 0 && startsLower(next) {
		if lead, err = from.openSentence(); err != nil {
			return "", err
		}
	}
	return lead, from.finish()
}

func (r *run) finish() error {
	_, err := r.endFlow(place{}, "")
	return err
}

// heading is what stands in front of each chunk of a section.
func (r *run) heading(section string) (string, error) {
	section = strings.TrimSpace(strings.ToValidUTF8(section, "\uFFFD"))
	for section != "" {
		n, err := r.tokens.count(section)
		if err != nil {
			return "", err
		}
		if n <= maxHeading-2 {
			return section + "\n\n", nil
		}
		// The innermost headings say most.
		if _, inner, found := strings.Cut(section, " > "); found {
			section = inner
			continue
		}
		runes := []rune(section)
		section = string(runes[:len(runes)/2])
	}
	return "", nil
}

func startsLower(s string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimSpace(s))
	return unicode.IsLower(r)
}

// out emits one chunk.
func (r *run) out(at place, content string, tokens int) error {
	chunk := chatconnect.Chunk{Index: r.next, Content: content, Tokens: tokens, Page: at.page, Row: at.row, Section: at.section}
	r.next++
	return r.emit(chunk)
}
