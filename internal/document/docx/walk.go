package docx

import (
	"encoding/xml"
	"strconv"
	"strings"

	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

// paragraph is a finished paragraph or table row.
type paragraph struct {
	text  string
	level int  // of the heading, 0 for body text
	close bool // belongs to the one before: a list item, a table row
}

// walker goes through block content: a document's body, a cell, a note, a
// text box. put takes each paragraph.
type walker struct {
	*reader
	*stream
	put    func(paragraph) error
	inList bool
}

// blocks reads block-level content to the end of the element whose start was
// the last token.
func (w *walker) blocks() error {
	return w.children(w.block)
}

func (w *walker) block(e xml.StartElement) error {
	switch e.Name.Local {
	case "p":
		return w.paragraph()
	case "tbl":
		w.inList = false
		return w.table()
	case "sdt":
		return w.sdt(w.block)
	case "ins", "moveTo", "smartTag", "customXml", "sdtContent", "footnote", "endnote", "txbxContent":
		return w.blocks()
	case "AlternateContent":
		return w.alternate(w.block)
	}
	// Among others del and moveFrom, whose text is gone, and sectPr.
	return w.skip()
}

// sdt reads a content control: its content, unless that is the placeholder
// ("Click here to enter text").
func (w *walker) sdt(each func(xml.StartElement) error) error {
	placeholder := false
	return w.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "sdtPr":
			return w.children(func(e xml.StartElement) error {
				if e.Name.Local == "showingPlcHdr" && on(e) {
					placeholder = true
				}
				return w.skip()
			})
		case "sdtContent":
			if !placeholder {
				return w.children(each)
			}
		}
		return w.skip()
	})
}

// alternate reads one branch of mc:AlternateContent: the branches say the
// same in different words. Fallback counts only if no Choice had elements.
func (w *walker) alternate(each func(xml.StartElement) error) error {
	taken := false
	return w.children(func(branch xml.StartElement) error {
		if taken {
			return w.skip()
		}
		return w.children(func(e xml.StartElement) error {
			taken = true
			return each(e)
		})
	})
}

// inline is a paragraph being read.
type inline struct {
	w      *walker
	text   strings.Builder
	notes  []string    // to be said after it
	boxes  []paragraph // text boxes anchored in it
	level  int
	list   bool
	toc    bool
	bold   int // characters in bold, to find table headers
	plain  int
	fields []bool // open fields, true while in the instruction
}

func (w *walker) paragraph() error {
	p := &inline{w: w}
	err := w.children(p.element)
	if emitErr := p.emit(); emitErr != nil {
		return emitErr
	}
	return err
}

// emit hands the paragraph on, also when it was cut short by damage.
func (p *inline) emit() error {
	text := strings.TrimSpace(p.text.String())
	for _, note := range p.notes {
		text += "\n[" + note + "]"
	}
	if text != "" && !p.toc {
		out := paragraph{text: text, level: p.level}
		if p.list {
			out.text = "- " + text
			out.close = p.w.inList
		}
		p.w.inList = p.list
		if err := p.w.put(out); err != nil {
			return err
		}
	}
	for _, box := range p.boxes {
		if err := p.w.put(box); err != nil {
			return err
		}
	}
	return nil
}

// hidden reports whether text here is a field's instruction, not its result.
func (p *inline) hidden() bool {
	for _, instruction := range p.fields {
		if instruction {
			return true
		}
	}
	return false
}

func (p *inline) write(s string, bold bool) {
	if p.hidden() {
		return
	}
	if bold {
		p.bold += len(s)
	} else if strings.TrimSpace(s) != "" {
		p.plain += len(s)
	}
	p.text.WriteString(s)
}

// element reads one child of a paragraph.
func (p *inline) element(e xml.StartElement) error {
	w := p.w
	switch e.Name.Local {
	case "pPr":
		return p.properties()
	case "r":
		return p.run()
	case "hyperlink":
		return p.hyperlink(e)
	case "ins", "moveTo", "fldSimple", "smartTag", "customXml", "dir", "bdo", "sdtContent", "rubyBase":
		return w.children(p.element)
	case "sdt":
		return w.sdt(p.element)
	case "AlternateContent":
		return w.alternate(p.element)
	case "oMath", "oMathPara":
		return p.math()
	}
	return w.skip() // del, moveFrom, bookmarks, comment ranges
}

func (p *inline) properties() error {
	w := p.w
	return w.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "pStyle":
			id, _ := attr(e, "val")
			p.style(id)
		case "outlineLvl":
			if level := outlineLevel(e); level > 0 {
				p.level = level
			}
		case "numPr":
			p.list = true
		}
		return w.skip() // with pPrChange, which holds the former properties
	})
}

// style applies a paragraph style.
func (p *inline) style(id string) {
	if p.level == 0 {
		p.level = headingLevel(p.w.styles, id)
	}
	name := p.w.styles[id].name
	p.toc = strings.HasPrefix(name, "toc ") && len(name) == len("toc 1")
}

// hyperlink reads a link's text and adds its address.
func (p *inline) hyperlink(e xml.StartElement) error {
	start := p.text.Len()
	if err := p.w.children(p.element); err != nil {
		return err
	}
	id, _ := attr(e, "id")
	p.address(id, start)
	return nil
}

// address adds where the link of a relationship leads, if its text, which
// starts at start, doesn't say it: "the form" is no answer.
func (p *inline) address(id string, start int) {
	const longest = 200
	link, found := p.w.links[id]
	shown := strings.TrimSpace(p.text.String()[start:])
	if !found || !link.external || link.kind != "hyperlink" || shown == "" || len(link.target) > longest {
		return
	}
	address, isMail := strings.CutPrefix(link.target, "mailto:")
	if !isMail && !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		return
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://"), "/")
	if !strings.Contains(shown, bare) {
		p.write(" ("+address+")", false)
	}
}

// math reads the text of a formula.
func (p *inline) math() error {
	return p.w.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "t":
			return p.chars(false)
		case "rPr", "ctrlPr":
			return p.w.skip()
		}
		return p.math()
	})
}

func (p *inline) run() error {
	w := p.w
	var format runFormat
	return w.children(func(e xml.StartElement) error {
		if e.Name.Local == "rPr" {
			return format.read(w.stream)
		}
		return p.runElement(e, format)
	})
}

// runFormat is what we need to know of a run's look.
type runFormat struct{ hidden, bold bool }

func (f *runFormat) read(s *stream) error {
	return s.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "vanish", "webHidden":
			f.hidden = f.hidden || e.Name.Local == "vanish" && on(e)
		case "b":
			f.bold = on(e)
		}
		return s.skip()
	})
}

func (p *inline) runElement(e xml.StartElement, format runFormat) error {
	w := p.w
	switch e.Name.Local {
	case "t":
		if format.hidden {
			break
		}
		return p.chars(format.bold)
	case "tab", "ptab":
		p.write("\t", false)
	case "br", "cr":
		p.write("\n", false)
	case "noBreakHyphen":
		p.write("-", false)
	case "sym":
		char, _ := attr(e, "char")
		font, _ := attr(e, "font")
		p.write(symbol(char, font), false)
	case "fldChar":
		kind, _ := attr(e, "fldCharType")
		p.field(kind)
	case "footnoteReference", "endnoteReference":
		id, _ := attr(e, "id")
		p.note(strings.TrimSuffix(e.Name.Local, "Reference"), id)
	case "ruby":
		return w.children(func(e xml.StartElement) error {
			if e.Name.Local == "rubyBase" {
				return w.children(p.element)
			}
			return w.skip() // the reading aid above it
		})
	case "AlternateContent":
		return w.alternate(func(e xml.StartElement) error { return p.runElement(e, format) })
	case "drawing", "pict", "object":
		if format.hidden {
			break
		}
		return p.drawing()
	}
	return w.skip()
}

// note remembers a foot- or endnote that is referred to here.
func (p *inline) note(kind, id string) {
	if text := p.w.notes[kind+" "+id]; text != "" {
		p.notes = append(p.notes, text)
	}
}

// field tracks complex fields: begin, instruction, separate, result, end.
func (p *inline) field(kind string) {
	switch last := len(p.fields) - 1; kind {
	case "begin":
		if len(p.fields) < 100 {
			p.fields = append(p.fields, true)
		}
	case "separate":
		if last >= 0 {
			p.fields[last] = false
		}
	case "end":
		if last >= 0 {
			p.fields = p.fields[:last]
		}
	}
}

// chars reads the text of the element whose start was the last token.
func (p *inline) chars(bold bool) error {
	for depth := 1; depth > 0; {
		t, err := p.w.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			p.write(string(t), bold)
		}
	}
	return nil
}

// drawing looks for text boxes in a picture, however deep. Their paragraphs
// follow the one they are anchored in.
func (p *inline) drawing() error {
	w := p.w
	return w.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "txbxContent":
			inner := &walker{reader: w.reader, stream: w.stream, put: func(box paragraph) error {
				box.level = 0
				p.boxes = append(p.boxes, box)
				return nil
			}}
			return inner.blocks()
		case "AlternateContent":
			return w.alternate(func(xml.StartElement) error { return p.drawing() })
		case "t": // DrawingML text that is not a text box
			return p.chars(false)
		}
		return p.drawing()
	})
}

// symbol maps w:sym. Symbol fonts put their signs in the private use area,
// where only the font tells what they show; a few of Wingdings are common.
func symbol(char, font string) string {
	code, err := strconv.ParseUint(char, 16, 32)
	if err != nil {
		return ""
	}
	if code >= 0xf000 && code <= 0xf0ff {
		if !strings.HasPrefix(font, "Wingdings") {
			return ""
		}
		switch code & 0xff {
		case 0xfc, 0xfe, 0x50:
			return "✓"
		case 0xfb, 0xfd, 0x4f:
			return "✗"
		case 0xa8, 0x6f:
			return "☐"
		case 0xe0, 0xf0:
			return "→"
		}
		return ""
	}
	return tidy.Text(string(rune(code)))
}
