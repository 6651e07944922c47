package docx

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/chatconnect/chatconnect/internal/document/failure"
)

// maxDepth is how deep elements may nest. Tables within tables within text
// boxes reach 60.
const maxDepth = 400

// stream reads the elements of one part.
type stream struct {
	decoder *xml.Decoder
	depth   int
}

func newStream(r io.Reader) *stream {
	d := xml.NewDecoder(r)
	d.CharsetReader = charsetReader
	return &stream{decoder: d}
}

// token returns the next start element, end element or text. Documents never
// have a DOCTYPE; entities come with one, so it is refused.
func (s *stream) token() (xml.Token, error) {
	for {
		t, err := s.decoder.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if s.depth++; s.depth > maxDepth {
				return nil, failure.TooComplex.Because(fmt.Errorf("elements nest deeper than %d", maxDepth))
			}
			return t, nil
		case xml.EndElement:
			s.depth--
			return t, nil
		case xml.CharData:
			return t, nil
		case xml.Directive:
			return nil, failure.Corrupt.Because(errors.New("the XML has a DOCTYPE"))
		}
	}
}

// skip reads to the end of the element whose start was the last token.
func (s *stream) skip() error {
	for depth := 1; depth > 0; {
		t, err := s.token()
		if err != nil {
			return err
		}
		switch t.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

// children calls each for every child element of the element whose start was
// the last token. each must consume its element.
func (s *stream) children(each func(xml.StartElement) error) error {
	for {
		t, err := s.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if err := each(t); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

// root positions the stream inside the document element.
func (s *stream) root() error {
	for {
		t, err := s.token()
		if err != nil {
			return err
		}
		if _, ok := t.(xml.StartElement); ok {
			return nil
		}
	}
}

// attr returns an attribute by its local name: the namespaces of transitional
// and strict documents differ, the names don't.
func attr(e xml.StartElement, local string) (string, bool) {
	for _, a := range e.Attr {
		if a.Name.Local == local {
			return a.Value, true
		}
	}
	return "", false
}

// on reads an on/off property: present means on, unless its val says no.
func on(e xml.StartElement) bool {
	v, found := attr(e, "val")
	if !found {
		return true
	}
	switch strings.ToLower(v) {
	case "0", "false", "off", "none":
		return false
	}
	return true
}
