// Package plaintext reads text files of any encoding, and the headings of
// those that are Markdown.
//
// It imports the domain and the document helpers.
package plaintext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/charset"
	"github.com/chatconnect/chatconnect/internal/document/failure"
	"github.com/chatconnect/chatconnect/internal/document/sink"
	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

// blockBytes is about how much text one block takes.
const blockBytes = 32 << 10

// Read emits the text in blocks that end at a paragraph if they can, and at
// every heading of a Markdown file.
func Read(file io.ReaderAt, size int64, out sink.Sink) error {
	text, err := Load(file, size)
	if err != nil {
		return err
	}
	w := &writer{out: out, total: len(text)}
	headings := isMarkdown(text)
	fenced, afterBlank := false, true
	var path []string
	for at := 0; at < len(text); {
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text) - at - 1
		}
		line := text[at : at+end+1]
		at += len(line)
		trimmed := bytes.TrimSpace(line)
		if bytes.HasPrefix(trimmed, []byte("```")) {
			fenced = !fenced
		}
		if headings && !fenced && afterBlank {
			if level, title := heading(trimmed); level > 0 {
				if len(bytes.TrimSpace(w.buf)) == 0 && level > len(path) {
					w.heading = "" // the path of the sub-section carries it
				}
				if err := w.flush(); err != nil {
					return err
				}
				path = append(path[:min(len(path), level-1)], title)
				w.section = strings.Join(path, " > ")
				w.heading = title
				continue // the section carries it; afterBlank stays
			}
		}
		if err := w.line(line, len(trimmed) == 0); err != nil {
			return err
		}
		w.done = at
		afterBlank = len(trimmed) == 0
	}
	if err := w.flush(); err != nil {
		return err
	}
	if !w.any {
		return failure.NoText
	}
	return nil
}

// Load reads the whole file as UTF-8 with \n line ends.
func Load(file io.ReaderAt, size int64) ([]byte, error) {
	raw := make([]byte, size)
	if _, err := file.ReadAt(raw, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read file: %w", err)
	}
	text, name, err := charset.Decode(raw)
	if err != nil {
		return nil, failure.Corrupt.Because(err)
	}
	if name == charset.Binary || !charset.LooksLikeText(text) {
		return nil, failure.Corrupt.Because(fmt.Errorf("not text: %s", name))
	}
	if bytes.IndexByte(text, '\r') >= 0 {
		text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
		text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	}
	return text, nil
}

type writer struct {
	out     sink.Sink
	buf     []byte
	section string
	heading string // of the section, not emitted yet
	any     bool
	done    int
	total   int
}

// line takes one line with its end. A block ends at the first blank line
// after blockBytes, or at a line end well after that.
func (w *writer) line(line []byte, blank bool) error {
	for len(line) > 2*blockBytes { // a file without line ends
		n := cut(line, blockBytes)
		w.buf = append(w.buf, line[:n]...)
		line = line[n:]
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, line...)
	if len(w.buf) > blockBytes && (blank || len(w.buf) > 2*blockBytes) {
		return w.flush()
	}
	return nil
}

func (w *writer) flush() error {
	text := tidy.Text(string(w.buf))
	w.buf = w.buf[:0]
	if text == "" {
		text = w.heading // a heading without text of its own is text
	}
	if text == "" {
		return nil
	}
	w.any = true
	w.heading = ""
	w.out.Progress(w.done, w.total)
	return w.out.Block(chatconnect.Block{Text: text, Section: w.section})
}

// cut finds where to cut a line that is too long: after a space in the second
// half, else between characters.
func cut(line []byte, limit int) int {
	if i := bytes.LastIndexByte(line[limit/2:limit], ' '); i >= 0 {
		return limit/2 + i + 1
	}
	for n := limit; n > limit-utf8.UTFMax; n-- {
		if utf8.RuneStart(line[n]) {
			return n
		}
	}
	return limit
}

// heading recognises "## Title" and returns its level, 1-6, or 0.
func heading(line []byte) (level int, title string) {
	const longest = 120
	for level < len(line) && line[level] == '#' {
		level++
	}
	if level == 0 || level > 6 || level == len(line) || line[level] != ' ' || len(line) > longest {
		return 0, ""
	}
	title = tidy.Line(strings.TrimRight(string(line[level:]), "# "))
	if title == "" {
		return 0, ""
	}
	return level, title
}

// isMarkdown tells Markdown's headings from the comments of a script or a
// configuration file: there they are many, and follow each other.
func isMarkdown(text []byte) bool {
	const sample = 64 << 10
	lines, hashes, headings := 0, 0, 0
	above := 0 // a heading of a lower level than this may stand here
	for line := range bytes.Lines(text[:min(len(text), sample)]) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			above = 0
			continue
		}
		lines++
		level := 0
		if line[0] == '#' {
			hashes++
			level, _ = heading(line)
		}
		if level > above {
			headings++
			above = level
		} else {
			above = 6
		}
	}
	return headings > 0 && hashes-headings <= headings/2 && headings*2 <= lines+1
}
