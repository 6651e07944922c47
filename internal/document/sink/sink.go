// Package sink is where the readers put what they find.
//
// It imports the domain and the document failures only.
package sink

import (
	"strings"
	"unicode/utf8"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/failure"
)

// Sink takes a reader's output. A reader stops and returns the error that
// Block returns.
type Sink interface {
	Block(chatconnect.Block) error
	// Progress counts pages of a PDF, bytes of anything else.
	Progress(done, total int)
	// Warn notes damage that was read around; it is logged, not shown.
	Warn(message string)
}

// MaxBlockBytes is the longest text one block carries to the parent process.
// Longer ones are cut at white space.
const MaxBlockBytes = 64 << 10

// Limited counts and caps what passes through it.
type Limited struct {
	To        Sink
	MaxBytes  int64 // of text
	MaxBlocks int

	bytes  int64
	blocks int
}

// Bytes is the length of the text that has passed.
func (l *Limited) Bytes() int64 { return l.bytes }

// Block passes a block on, in pieces of at most MaxBlockBytes, or returns
// failure.TooComplex once the caps are reached. Blocks without text vanish.
func (l *Limited) Block(b chatconnect.Block) error {
	for rest := strings.TrimSpace(b.Text); rest != ""; {
		piece := rest[:cut(rest, MaxBlockBytes)]
		rest = strings.TrimSpace(rest[len(piece):])
		l.bytes += int64(len(piece))
		l.blocks++
		if l.bytes > l.MaxBytes || l.blocks > l.MaxBlocks {
			return failure.TooComplex
		}
		b.Text = strings.TrimSpace(piece)
		if err := l.To.Block(b); err != nil {
			return err
		}
	}
	return nil
}

func (l *Limited) Progress(done, total int) { l.To.Progress(done, total) }
func (l *Limited) Warn(message string)      { l.To.Warn(message) }

// cut returns how much of s to take, at most limit bytes: all of it, else up
// to a blank line, a line end, a space in the second half, else a whole rune.
func cut(s string, limit int) int {
	if len(s) <= limit {
		return len(s)
	}
	for _, boundary := range []string{"\n\n", "\n", " "} {
		if i := strings.LastIndex(s[limit/2:limit], boundary); i >= 0 {
			return limit/2 + i + len(boundary)
		}
	}
	n := limit
	for n > limit-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// Memory keeps everything, for tests.
type Memory struct {
	Blocks   []chatconnect.Block
	Warnings []string
	Done     int
	Total    int
}

func (m *Memory) Block(b chatconnect.Block) error { m.Blocks = append(m.Blocks, b); return nil }
func (m *Memory) Progress(done, total int)        { m.Done, m.Total = done, total }
func (m *Memory) Warn(message string)             { m.Warnings = append(m.Warnings, message) }

// Text joins the blocks' texts with line ends.
func (m *Memory) Text() string {
	var b strings.Builder
	for _, block := range m.Blocks {
		b.WriteString(block.Text)
		b.WriteByte('\n')
	}
	return b.String()
}
