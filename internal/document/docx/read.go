package docx

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/failure"
	"github.com/chatconnect/chatconnect/internal/document/sink"
	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

// Read emits the document's text as its reader sees it, in blocks of one
// section each. The text is that of the final version: insertions and moves
// accepted, deletions, comments and hidden text left out. Damage after some
// text ends the document there, with a warning.
func Read(file io.ReaderAt, size int64, out sink.Sink) error {
	a, err := openArchive(file, size)
	if err != nil {
		return err
	}
	main, err := a.mainPart()
	if main == "" {
		return corrupt(errors.Join(err, errors.New("no main document part")))
	}
	r := &reader{archive: a, out: out, notes: map[string]string{}}
	rels, err := a.relationships(main)
	if err := r.tolerate(err, "relationships"); err != nil {
		return err
	}
	r.links = rels
	for _, id := range slices.Sorted(maps.Keys(rels)) {
		if err := r.helper(rels[id]); err != nil {
			return err
		}
	}
	content, err := a.open(main)
	if err != nil {
		return corrupt(err)
	}
	defer content.Close()
	r.total = int(min(a.parts[main].UncompressedSize64, 1<<30))
	text := newStream(content)
	r.body = body{reader: r, stream: text}
	err = r.document(text)
	var e *chatconnect.Error
	switch {
	case err == nil:
	case failure.IsOverLimit(err), errors.As(err, &e) && e.Kind != chatconnect.KindInvalid:
		return err
	case !r.body.any && r.body.buf.Len() == 0, errors.As(err, &e):
		// No text at all, or malice rather than damage.
		return corrupt(err)
	default:
		out.Warn(fmt.Sprintf("the document is damaged and was read in part: %v", err))
	}
	if err := r.body.flush(); err != nil {
		return err
	}
	if !r.body.any {
		return failure.NoText
	}
	return nil
}

// helper reads a part that the main part's text needs.
func (r *reader) helper(rel relationship) error {
	var err error
	switch rel.kind {
	case "styles":
		r.styles, err = r.archive.styles(rel.target)
	case "footnotes", "endnotes":
		err = r.readNotes(rel.target, strings.TrimSuffix(rel.kind, "s"))
	}
	return r.tolerate(err, rel.kind)
}

// tolerate turns damage of a part we can do without into a warning. Limits
// and deliberate harm (a DOCTYPE, a part longer than it declares) stay errors.
func (r *reader) tolerate(err error, what string) error {
	var e *chatconnect.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	r.out.Warn(fmt.Sprintf("%s could not be read: %v", what, err))
	return nil
}

func corrupt(err error) error {
	var e *chatconnect.Error
	if errors.As(err, &e) {
		return e
	}
	return failure.Corrupt.Because(err)
}

// reader holds what the parts share. Its methods document and readNotes are
// the engine, chosen when the program is built: ours (engine_stream.go), or
// with the tag unioffice that library's (engine_unioffice.go). They put
// paragraphs; packages, limits, styles, tables and sections are one code.
type reader struct {
	*archive
	out    sink.Sink
	styles map[string]style
	links  map[string]relationship
	notes  map[string]string // "footnote 3" -> text, up to maxNotes
	body   body
	total  int // bytes of the main part
}

// maxNotes is the most text of all notes of one kind, in bytes.
const maxNotes = 4 << 20

// body gathers the main part's paragraphs into blocks.
type body struct {
	reader  *reader
	stream  *stream
	path    []string // headings above here
	levels  []int
	section string
	heading string // the innermost, until text follows it
	buf     strings.Builder
	any     bool
}

const blockBytes = 16 << 10

func (b *body) paragraph(p paragraph) error {
	text := tidy.Text(p.text)
	if text == "" {
		return nil
	}
	if p.level > 0 {
		return b.startSection(p.level, tidy.Line(text))
	}
	if b.buf.Len() > 0 && b.buf.Len()+len(text) > blockBytes {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if b.buf.Len() > 0 {
		// Rows of a table and items of a list stay closer than paragraphs.
		if p.close {
			b.buf.WriteByte('\n')
		} else {
			b.buf.WriteString("\n\n")
		}
	}
	b.buf.WriteString(text)
	b.heading = ""
	return nil
}

func (b *body) startSection(level int, title string) error {
	const longest = 160 // a "heading" longer than this is a misused style
	if len(title) > longest {
		return b.paragraph(paragraph{text: title})
	}
	if n := len(b.levels); b.buf.Len() == 0 && n > 0 && level > b.levels[n-1] {
		b.heading = "" // the path of the sub-section carries it
	}
	if err := b.flush(); err != nil {
		return err
	}
	keep := 0
	for keep < len(b.levels) && b.levels[keep] < level {
		keep++
	}
	b.levels = append(b.levels[:keep], level)
	b.path = append(b.path[:keep], title)
	b.section = strings.Join(b.path, " > ")
	b.heading = title
	return nil
}

// flush emits what has been gathered. A heading that no text followed is text
// itself, unless a sub-heading carries it on.
func (b *body) flush() error {
	text := b.buf.String()
	b.buf.Reset()
	if text == "" {
		text, b.heading = b.heading, ""
	}
	if text == "" {
		return nil
	}
	b.any = true
	b.reader.out.Progress(int(min(b.stream.decoder.InputOffset(), int64(b.reader.total))), b.reader.total)
	return b.reader.out.Block(chatconnect.Block{Text: text, Section: b.section})
}
