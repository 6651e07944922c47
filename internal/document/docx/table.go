package docx

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

// Caps of a table's grid.
const (
	maxGrid   = 256 // columns
	peekRows  = 12  // rows looked at to find the header
	maxRepeat = 300 // bytes of a vertically merged cell repeated in each row
)

// cell is one grid position of a row.
type cell struct {
	text   string
	bold   bool // all of its text is
	merged bool // goes on from the row above
	span   bool // covers more than one column
}

type row struct {
	cells  []cell
	header bool // marked as such
}

// table reads a table and puts one paragraph for each row: "Header: value;
// Header: value" if the first row names the columns, else the cells between
// tabs. Either way a row's cells stay together.
func (w *walker) table() error {
	t := &table{w: w}
	err := w.children(t.element)
	if putErr := t.finish(); putErr != nil {
		return putErr
	}
	return err
}

type table struct {
	w       *walker
	held    []row // until the header is decided on
	decided bool
	header  []string
	above   []string // the last text of each column, for merged cells
	rows    int
}

func (t *table) element(e xml.StartElement) error {
	w := t.w
	switch e.Name.Local {
	case "tr":
		return t.row()
	case "sdt":
		return w.sdt(t.element)
	case "ins", "moveTo", "customXml", "sdtContent":
		return w.children(t.element)
	case "AlternateContent":
		return w.alternate(t.element)
	}
	return w.skip() // tblPr, tblGrid, deleted rows
}

func (t *table) row() error {
	w := t.w
	var r row
	deleted := false
	var element func(e xml.StartElement) error
	element = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "trPr":
			return w.children(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "tblHeader":
					r.header = on(e)
				case "del":
					deleted = true
				case "gridBefore":
					val, _ := attr(e, "val")
					n, _ := strconv.Atoi(val)
					for range min(max(n, 0), maxGrid) {
						r.cells = append(r.cells, cell{span: true})
					}
				}
				return w.skip()
			})
		case "tc":
			return t.cell(&r)
		case "sdt":
			return w.sdt(element)
		case "customXml", "sdtContent", "ins":
			return w.children(element)
		case "AlternateContent":
			return w.alternate(element)
		}
		return w.skip()
	}
	err := w.children(element)
	if deleted {
		return err
	}
	if putErr := t.add(r); putErr != nil {
		return putErr
	}
	return err
}

func (t *table) cell(r *row) error {
	w := t.w
	c := cell{bold: true}
	span, deleted := 1, false
	var texts []string
	size := 0
	inner := &walker{reader: w.reader, stream: w.stream}
	inner.put = func(p paragraph) error {
		texts = append(texts, p.text)
		size += len(p.text)
		return nil
	}
	err := w.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "tcPr":
			return w.children(func(e xml.StartElement) error {
				val, found := attr(e, "val")
				switch e.Name.Local {
				case "gridSpan":
					span, _ = strconv.Atoi(val)
				case "vMerge":
					c.merged = !found || val == "continue"
				case "cellDel":
					deleted = true
				}
				return w.skip()
			})
		case "p":
			p := &inline{w: inner}
			err := w.children(p.element)
			if p.plain > 0 {
				c.bold = false
			}
			if emitErr := p.emit(); emitErr != nil {
				return emitErr
			}
			return err
		}
		return inner.block(e)
	})
	if deleted {
		return err
	}
	c.text = tidy.Line(strings.Join(texts, " "))
	r.put(c, span)
	return err
}

// put adds a cell over span columns.
func (r *row) put(c cell, span int) {
	c.bold = c.bold && c.text != ""
	if len(r.cells) == maxGrid {
		return
	}
	r.cells = append(r.cells, c)
	for n := 1; n < span && len(r.cells) < maxGrid; n++ {
		r.cells = append(r.cells, cell{span: true})
	}
}

// add fills merged cells in and holds the row back until the header is known.
func (t *table) add(r row) error {
	for i := range r.cells {
		for len(t.above) <= i {
			t.above = append(t.above, "")
		}
		if r.cells[i].merged && r.cells[i].text == "" {
			if len(t.above[i]) <= maxRepeat {
				r.cells[i].text = t.above[i]
			}
		} else {
			t.above[i] = r.cells[i].text
		}
	}
	if t.decided {
		return t.put(r)
	}
	t.held = append(t.held, r)
	if len(t.held) < peekRows {
		return nil
	}
	return t.decide()
}

func (t *table) finish() error {
	if t.decided {
		return nil
	}
	return t.decide()
}

func (t *table) decide() error {
	t.decided = true
	held := t.held
	t.held = nil
	if len(held) > 1 && isHeader(held) {
		for _, c := range held[0].cells {
			t.header = append(t.header, strings.TrimRight(c.text, ": "))
		}
		held = held[1:]
	}
	for _, r := range held {
		if err := t.put(r); err != nil {
			return err
		}
	}
	return nil
}

// isHeader reports whether the first of some rows names the columns: it is
// marked as header, or bold over rows that aren't, or words over figures.
func isHeader(rows []row) bool {
	const longest = 80
	first := rows[0].cells
	if len(first) < 2 {
		return false
	}
	seen := map[string]bool{}
	bold := true
	for i, c := range first {
		// The corner may be empty; two columns of one name say nothing.
		if c.span || c.text == "" && i > 0 || utf8.RuneCountInString(c.text) > longest || seen[c.text] {
			return false
		}
		seen[c.text] = true
		bold = bold && (c.bold || c.text == "")
	}
	if rows[0].header {
		return true
	}
	body := rows[1:]
	if bold && !slices.ContainsFunc(body, func(r row) bool {
		return len(r.cells) > 1 && !slices.ContainsFunc(r.cells, func(c cell) bool { return c.text != "" && !c.bold })
	}) {
		return true
	}
	if len(body) < 2 {
		return false
	}
	for i := range first {
		figures := !isFigure(first[i].text)
		for _, r := range body {
			figures = figures && i < len(r.cells) && isFigure(r.cells[i].text)
		}
		if figures {
			return true
		}
	}
	return false
}

// isFigure reports whether a text is a number, an amount or a date.
func isFigure(s string) bool {
	digits, others := 0, 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case strings.ContainsRune(" .,:/-+%€$£'", r):
		default:
			others++
		}
	}
	return digits > 0 && others <= 3 && digits >= others
}

func (t *table) put(r row) error {
	var parts []string
	for i, c := range r.cells {
		if c.text == "" {
			continue
		}
		if t.header != nil && i < len(t.header) && t.header[i] != "" {
			parts = append(parts, t.header[i]+": "+c.text)
		} else {
			parts = append(parts, c.text)
		}
	}
	if parts == nil {
		return nil
	}
	separator := "\t"
	if t.header != nil {
		separator = "; "
	}
	t.rows++
	return t.w.put(paragraph{text: strings.Join(parts, separator), close: t.rows > 1})
}
