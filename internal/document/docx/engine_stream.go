//go:build !unioffice

package docx

import (
	"encoding/xml"
	"strings"

	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

// document reads the main part as a stream: nothing but the paragraph at hand
// is in memory.
func (r *reader) document(s *stream) error {
	if err := s.root(); err != nil {
		return err
	}
	w := &walker{reader: r, stream: s, put: r.body.paragraph}
	return s.children(func(e xml.StartElement) error {
		if e.Name.Local != "body" {
			return s.skip() // the page's background
		}
		return w.blocks()
	})
}

// readNotes keeps the texts of foot- or endnotes until their reference.
func (r *reader) readNotes(name, kind string) error {
	size := 0
	return r.each(name, func(s *stream, e xml.StartElement) error {
		id, _ := attr(e, "id")
		if special, _ := attr(e, "type"); special != "" && special != "normal" || e.Name.Local != kind {
			return s.skip() // separators
		}
		var texts []string
		w := &walker{reader: r, stream: s, put: func(p paragraph) error {
			if size += len(p.text); size <= maxNotes {
				texts = append(texts, p.text)
			}
			return nil
		}}
		err := w.blocks()
		r.notes[kind+" "+id] = tidy.Line(strings.Join(texts, " "))
		return err
	})
}
