package docx

import (
	"encoding/xml"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// relationship ties a part to another, or to an address outside.
type relationship struct {
	kind     string // the last element of its type URI
	target   string // part name, or the address if external
	external bool
}

// relationships reads what a part ("" for the package) is tied to, by id. A
// package without the file has none.
func (a *archive) relationships(of string) (map[string]relationship, error) {
	dir, base := path.Split(of)
	dir = strings.TrimSuffix(dir, "/")
	name := partName(dir, "_rels/"+base+".rels")
	found := map[string]relationship{}
	if !a.has(name) {
		return found, nil
	}
	err := a.each(name, func(s *stream, e xml.StartElement) error {
		id, _ := attr(e, "Id")
		kind, _ := attr(e, "Type")
		target, _ := attr(e, "Target")
		mode, _ := attr(e, "TargetMode")
		r := relationship{kind: kind[strings.LastIndexByte(kind, '/')+1:], target: target, external: strings.EqualFold(mode, "External")}
		if !r.external {
			r.target = partName(dir, target)
		}
		found[id] = r
		return s.skip()
	})
	return found, err
}

// each opens a part and calls f for every child of its document element.
func (a *archive) each(name string, f func(*stream, xml.StartElement) error) error {
	r, err := a.open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	s := newStream(r)
	if err := s.root(); err != nil {
		return err
	}
	return s.children(func(e xml.StartElement) error { return f(s, e) })
}

// mainPart finds the document part: by the package's relationship, by its
// content type, or where Word always puts it.
func (a *archive) mainPart() (string, error) {
	rels, err := a.relationships("")
	if err == nil {
		for _, id := range slices.Sorted(maps.Keys(rels)) {
			if r := rels[id]; r.kind == "officeDocument" && !r.external && a.has(r.target) {
				return r.target, nil
			}
		}
	}
	name := ""
	if a.has("[content_types].xml") {
		err = a.each("[content_types].xml", func(s *stream, e xml.StartElement) error {
			kind, _ := attr(e, "ContentType")
			part, _ := attr(e, "PartName")
			if part = partName("", part); strings.Contains(kind, "wordprocessingml") && strings.HasSuffix(kind, ".main+xml") && a.has(part) {
				name = part
			}
			return s.skip()
		})
	}
	if name != "" {
		return name, nil
	}
	if a.has("word/document.xml") {
		return "word/document.xml", nil
	}
	return "", err
}

// Kind is what an Office package holds.
type Kind string

const (
	KindWord       Kind = "word"
	KindExcel      Kind = "excel"
	KindPowerPoint Kind = "powerpoint"
	KindNone       Kind = "" // not an Office package
)

// Identify tells the kinds of zip file apart by the content type of their
// main part. The error is that of a zip file that can't be opened.
func Identify(file io.ReaderAt, size int64) (Kind, error) {
	a, err := openArchive(file, size)
	if err != nil {
		return KindNone, err
	}
	main, err := a.mainPart()
	if main == "" {
		return KindNone, err
	}
	kind := KindNone
	err = a.each("[content_types].xml", func(s *stream, e xml.StartElement) error {
		part, named := attr(e, "PartName")
		extension, byExtension := attr(e, "Extension")
		contentType, _ := attr(e, "ContentType")
		if named && partName("", part) == main ||
			byExtension && kind == KindNone && strings.EqualFold("."+extension, path.Ext(main)) {
			switch {
			case strings.Contains(contentType, "wordprocessingml"), strings.Contains(contentType, "ms-word"):
				kind = KindWord
			case strings.Contains(contentType, "spreadsheetml"), strings.Contains(contentType, "ms-excel"):
				kind = KindExcel
			case strings.Contains(contentType, "presentationml"), strings.Contains(contentType, "ms-powerpoint"):
				kind = KindPowerPoint
			}
		}
		return s.skip()
	})
	if kind == KindNone && main == "word/document.xml" {
		kind = KindWord // content types missing or broken; the reader doesn't need them
		err = nil
	}
	return kind, err
}

// style is what a paragraph style means to us.
type style struct {
	name    string // lower case
	basedOn string
	level   int // 1 the title, 2 a heading of the first level and so on; 0 none
}

// styles reads the paragraph styles by id. Without the part there are none.
func (a *archive) styles(name string) (map[string]style, error) {
	found := map[string]style{}
	if !a.has(name) {
		return found, nil
	}
	err := a.each(name, func(s *stream, e xml.StartElement) error {
		if e.Name.Local != "style" {
			return s.skip()
		}
		id, _ := attr(e, "styleId")
		var st style
		err := s.children(func(e xml.StartElement) error {
			val, _ := attr(e, "val")
			switch e.Name.Local {
			case "name":
				st.name = strings.ToLower(val)
				st.level = levelOfName(st.name)
			case "basedOn":
				st.basedOn = val
			case "pPr":
				return s.children(func(e xml.StartElement) error {
					if e.Name.Local == "outlineLvl" && st.level == 0 {
						st.level = outlineLevel(e)
					}
					return s.skip()
				})
			}
			return s.skip()
		})
		if len(found) < maxEntries {
			found[id] = st
		}
		return err
	})
	return found, err
}

// levelOfName knows the built-in names, which don't change with the language
// of Word.
func levelOfName(name string) int {
	if name == "title" {
		return 1
	}
	rest, isHeading := strings.CutPrefix(name, "heading ")
	if isHeading && len(rest) == 1 && rest[0] >= '1' && rest[0] <= '9' {
		return int(rest[0]-'0') + 1
	}
	return 0
}

// outlineLevel reads w:outlineLvl: 0-8 are headings, 9 is body text.
func outlineLevel(e xml.StartElement) int {
	val, _ := attr(e, "val")
	if len(val) == 1 && val[0] >= '0' && val[0] <= '8' {
		return int(val[0]-'0') + 2
	}
	return 0
}

// headingLevel follows basedOn up to the built-in heading styles.
func headingLevel(styles map[string]style, id string) int {
	const deepest = 20
	for range deepest {
		st, found := styles[id]
		if !found {
			return 0
		}
		if st.level > 0 {
			return st.level
		}
		if st.basedOn == "" {
			return 0
		}
		id = st.basedOn
	}
	return 0
}
