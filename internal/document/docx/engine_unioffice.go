//go:build unioffice

package docx

import (
	"encoding/xml"
	"errors"
	"strconv"
	"strings"

	"github.com/unidoc/unioffice"
	"github.com/unidoc/unioffice/schema/soo/ofc/sharedTypes"
	"github.com/unidoc/unioffice/schema/soo/wml"

	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

// This engine is unioffice v1.4.0, AGPL-3.0: a binary built with the tag is
// under that licence. What its model of a document does not hold is lost; the
// list is in losses_unioffice_test.go and docs/adr/0010-docx-engines.md.
//
// Only its schema is used. document.Read of that library would unpack every
// part, pictures too, without limits, into files that a child may not write.

func init() { unioffice.DisableLogging() } // it would tell each element it does not know

// document builds the model of the whole main part in memory, then reads it.
// Damage after some text leaves the model of what came before.
func (r *reader) document(s *stream) error {
	main := wml.NewDocument()
	err := decode(s, main)
	if main.Body == nil {
		return errors.Join(err, errors.New("no body"))
	}
	w := &modelWalker{&walker{reader: r, put: r.body.paragraph}}
	return errors.Join(w.elements(main.Body.EG_BlockLevelElts), err)
}

func (r *reader) readNotes(name, kind string) error {
	part, err := r.open(name)
	if err != nil {
		return err
	}
	defer part.Close()
	var notes []*wml.CT_FtnEdn
	if kind == "footnote" {
		all := wml.NewFootnotes()
		err = decode(newStream(part), all)
		notes = all.Footnote
	} else {
		all := wml.NewEndnotes()
		err = decode(newStream(part), all)
		notes = all.Endnote
	}
	size := 0
	for _, note := range notes {
		if note.TypeAttr != wml.ST_FtnEdnUnset && note.TypeAttr != wml.ST_FtnEdnNormal {
			continue // separators
		}
		var texts []string
		w := &modelWalker{&walker{reader: r, put: func(p paragraph) error {
			if size += len(p.text); size <= maxNotes {
				texts = append(texts, p.text)
			}
			return nil
		}}}
		if err := w.elements(note.EG_BlockLevelElts); err != nil {
			return err
		}
		r.notes[kind+" "+strconv.FormatInt(note.IdAttr, 10)] = tidy.Line(strings.Join(texts, " "))
	}
	return err
}

// decode fills the model from our stream, so that its limits hold: depth,
// bytes, no DOCTYPE.
func decode(s *stream, into any) error { return xml.NewTokenDecoder(tokens{s}).Decode(into) }

type tokens struct{ *stream }

func (t tokens) Token() (xml.Token, error) { return t.token() }

// modelWalker goes through block content of the model.
type modelWalker struct{ *walker }

func (w *modelWalker) elements(elements []*wml.EG_BlockLevelElts) error {
	for _, e := range elements {
		if err := w.contents(e.EG_ContentBlockContent); err != nil {
			return err
		}
	}
	return nil
}

func (w *modelWalker) contents(contents []*wml.EG_ContentBlockContent) error {
	for _, c := range contents {
		if c.CustomXml != nil {
			if err := w.contents(c.CustomXml.EG_ContentBlockContent); err != nil {
				return err
			}
		}
		if err := errors.Join(w.paragraphs(c.P), w.tables(c.Tbl), w.control(c.Sdt)); err != nil {
			return err
		}
	}
	return nil
}

// control reads a content control, unless it shows its placeholder.
func (w *modelWalker) control(sdt *wml.CT_SdtBlock) error {
	if sdt == nil || sdt.SdtContent == nil || isPlaceholder(sdt.SdtPr) {
		return nil
	}
	c := sdt.SdtContent
	// The model keeps the kinds of content apart, not their order.
	if c.CustomXml != nil {
		if err := w.contents(c.CustomXml.EG_ContentBlockContent); err != nil {
			return err
		}
	}
	return errors.Join(w.paragraphs(c.P), w.tables(c.Tbl), w.control(c.Sdt))
}

func isPlaceholder(p *wml.CT_SdtPr) bool { return p != nil && isOn(p.ShowingPlcHdr) }

func (w *modelWalker) paragraphs(all []*wml.CT_P) error {
	for _, p := range all {
		in := &modelInline{&inline{w: w.walker}}
		in.read(p)
		if err := in.emit(); err != nil {
			return err
		}
	}
	return nil
}

func (w *modelWalker) tables(all []*wml.CT_Tbl) error {
	for _, t := range all {
		w.inList = false
		out := &table{w: w.walker}
		for _, content := range t.EG_ContentRowContent {
			if err := w.rows(out, content.Tr, content.Sdt, content.CustomXml); err != nil {
				return err
			}
		}
		if err := out.finish(); err != nil {
			return err
		}
	}
	return nil
}

func (w *modelWalker) rows(out *table, rows []*wml.CT_Row, sdt *wml.CT_SdtRow, custom *wml.CT_CustomXmlRow) error {
	for _, r := range rows {
		if err := w.row(out, r); err != nil {
			return err
		}
	}
	if sdt != nil && sdt.SdtContent != nil && !isPlaceholder(sdt.SdtPr) {
		if err := w.rows(out, sdt.SdtContent.Tr, sdt.SdtContent.Sdt, sdt.SdtContent.CustomXml); err != nil {
			return err
		}
	}
	if custom != nil {
		for _, content := range custom.EG_ContentRowContent {
			if err := w.rows(out, content.Tr, content.Sdt, content.CustomXml); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *modelWalker) row(out *table, r *wml.CT_Row) error {
	var made row
	if p := r.TrPr; p != nil {
		if p.Del != nil {
			return nil
		}
		made.header = len(p.TblHeader) > 0 && isOn(p.TblHeader[0])
		for _, before := range p.GridBefore {
			for range min(max(before.ValAttr, 0), maxGrid) {
				made.cells = append(made.cells, cell{span: true})
			}
		}
	}
	for _, content := range r.EG_ContentCellContent {
		if err := w.cells(&made, content.Tc, content.Sdt, content.CustomXml); err != nil {
			return err
		}
	}
	return out.add(made)
}

func (w *modelWalker) cells(r *row, cells []*wml.CT_Tc, sdt *wml.CT_SdtCell, custom *wml.CT_CustomXmlCell) error {
	for _, c := range cells {
		if err := w.cell(r, c); err != nil {
			return err
		}
	}
	if sdt != nil && sdt.SdtContent != nil && !isPlaceholder(sdt.SdtPr) {
		if err := w.cells(r, sdt.SdtContent.Tc, sdt.SdtContent.Sdt, sdt.SdtContent.CustomXml); err != nil {
			return err
		}
	}
	if custom != nil {
		for _, content := range custom.EG_ContentCellContent {
			if err := w.cells(r, content.Tc, content.Sdt, content.CustomXml); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *modelWalker) cell(r *row, tc *wml.CT_Tc) error {
	c, span := cell{bold: true}, 1
	if p := tc.TcPr; p != nil {
		if p.CellDel != nil {
			return nil
		}
		if p.GridSpan != nil {
			span = int(min(max(p.GridSpan.ValAttr, 1), maxGrid))
		}
		c.merged = p.VMerge != nil && p.VMerge.ValAttr != wml.ST_MergeRestart
	}
	var texts []string
	inner := &modelWalker{&walker{reader: w.reader, put: func(p paragraph) error {
		texts = append(texts, p.text)
		return nil
	}}}
	for _, e := range tc.EG_BlockLevelElts {
		for _, content := range e.EG_ContentBlockContent {
			for _, p := range content.P {
				c.bold = c.bold && isBold(p)
			}
		}
	}
	if err := inner.elements(tc.EG_BlockLevelElts); err != nil {
		return err
	}
	c.text = tidy.Line(strings.Join(texts, " "))
	r.put(c, span)
	return nil
}

// isBold reports whether no text of the paragraph is set in plain letters.
func isBold(p *wml.CT_P) bool {
	in := &modelInline{&inline{w: &walker{reader: &reader{}}}}
	in.read(p)
	return in.plain == 0
}

// modelInline reads a paragraph of the model.
type modelInline struct{ *inline }

func (p *modelInline) read(from *wml.CT_P) {
	if style := from.PPr; style != nil {
		if style.PStyle != nil {
			p.style(style.PStyle.ValAttr)
		}
		if level := style.OutlineLvl; level != nil && level.ValAttr >= 0 && level.ValAttr <= 8 {
			p.level = int(level.ValAttr) + 2
		}
		p.list = style.NumPr != nil
	}
	p.contents(from.EG_PContent)
}

func (p *modelInline) contents(all []*wml.EG_PContent) {
	for _, c := range all {
		p.content(c.FldSimple, c.Hyperlink, c.EG_ContentRunContent)
	}
}

func (p *modelInline) content(fields []*wml.CT_SimpleField, link *wml.CT_Hyperlink, runs []*wml.EG_ContentRunContent) {
	for _, field := range fields {
		p.contents(field.EG_PContent)
	}
	if link != nil {
		start := p.text.Len()
		p.content(link.FldSimple, link.Hyperlink, link.EG_ContentRunContent)
		if link.IdAttr != nil {
			p.address(*link.IdAttr, start)
		}
	}
	for _, r := range runs {
		if r.R != nil {
			p.run(r.R)
		}
		if r.SmartTag != nil {
			p.contents(r.SmartTag.EG_PContent)
		}
		if r.CustomXml != nil {
			p.contents(r.CustomXml.EG_PContent)
		}
		if r.Dir != nil {
			p.content(r.Dir.FldSimple, r.Dir.Hyperlink, r.Dir.EG_ContentRunContent)
		}
		if r.Bdo != nil {
			p.content(r.Bdo.FldSimple, r.Bdo.Hyperlink, r.Bdo.EG_ContentRunContent)
		}
		if r.Sdt != nil && r.Sdt.SdtContent != nil && !isPlaceholder(r.Sdt.SdtPr) {
			p.content(r.Sdt.SdtContent.FldSimple, r.Sdt.SdtContent.Hyperlink, r.Sdt.SdtContent.EG_ContentRunContent)
		}
	}
}

func (p *modelInline) run(r *wml.CT_R) {
	hidden, bold := false, false
	if r.RPr != nil {
		hidden, bold = isOn(r.RPr.Vanish), isOn(r.RPr.B)
	}
	for _, c := range r.EG_RunInnerContent {
		switch {
		case c.T != nil:
			if !hidden {
				p.write(c.T.Content, bold)
			}
		case c.Tab != nil, c.Ptab != nil:
			p.write("\t", false)
		case c.Br != nil, c.Cr != nil:
			p.write("\n", false)
		case c.NoBreakHyphen != nil:
			p.write("-", false)
		case c.Sym != nil:
			p.write(symbol(text(c.Sym.CharAttr), text(c.Sym.FontAttr)), false)
		case c.FldChar != nil:
			p.field(map[wml.ST_FldCharType]string{
				wml.ST_FldCharTypeBegin: "begin", wml.ST_FldCharTypeSeparate: "separate", wml.ST_FldCharTypeEnd: "end",
			}[c.FldChar.FldCharTypeAttr])
		case c.FootnoteReference != nil:
			p.note("footnote", strconv.FormatInt(c.FootnoteReference.IdAttr, 10))
		case c.EndnoteReference != nil:
			p.note("endnote", strconv.FormatInt(c.EndnoteReference.IdAttr, 10))
		case c.Ruby != nil && c.Ruby.RubyBase != nil && c.Ruby.RubyBase.R != nil:
			p.run(c.Ruby.RubyBase.R)
		}
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// isOn reads an on/off property: present means on, unless its value says no.
func isOn(p *wml.CT_OnOff) bool {
	if p == nil {
		return false
	}
	v := p.ValAttr
	return v == nil || v.Bool != nil && *v.Bool || v.Bool == nil && v.ST_OnOff1 != sharedTypes.ST_OnOff1Off
}
