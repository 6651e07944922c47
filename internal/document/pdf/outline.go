package pdf

import (
	"strings"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

// Caps of an outline: a hostile one is endless or a cycle.
const (
	maxOutlineEntries = 2000
	maxOutlineDepth   = 8
	maxTitleRunes     = 120
)

// entry is one line of a document's outline.
type entry struct {
	page  int // from 1
	title string
	path  string // "Chapter > Section"
}

// outline lists the document's bookmarks in order. A broken outline ends
// early: it is a help, nothing more.
func (d *document) outline() []entry {
	var entries []entry
	visited := 0
	var walk func(parent *references.FPDF_BOOKMARK, path []string)
	walk = func(parent *references.FPDF_BOOKMARK, path []string) {
		if len(path) >= maxOutlineDepth {
			return
		}
		first, err := d.FPDFBookmark_GetFirstChild(&requests.FPDFBookmark_GetFirstChild{Document: d.ref, Bookmark: parent})
		if err != nil {
			return
		}
		for mark := first.Bookmark; mark != nil; {
			if visited++; visited > maxOutlineEntries {
				return
			}
			here := path
			if title, err := d.FPDFBookmark_GetTitle(&requests.FPDFBookmark_GetTitle{Bookmark: *mark}); err == nil {
				name := tidy.Line(title.Title)
				if runes := []rune(name); len(runes) > maxTitleRunes {
					name = string(runes[:maxTitleRunes])
				}
				if name != "" {
					here = append(path[:len(path):len(path)], name)
					if page := d.destination(*mark); page > 0 {
						entries = append(entries, entry{page: page, title: name, path: strings.Join(here, " > ")})
					}
				}
			}
			walk(mark, here)
			next, err := d.FPDFBookmark_GetNextSibling(&requests.FPDFBookmark_GetNextSibling{Document: d.ref, Bookmark: *mark})
			if err != nil {
				return
			}
			mark = next.Bookmark
		}
	}
	walk(nil, nil)
	return entries
}

// destination is the page a bookmark leads to, from 1, or 0.
func (d *document) destination(mark references.FPDF_BOOKMARK) int {
	found, err := d.FPDFBookmark_GetDest(&requests.FPDFBookmark_GetDest{Document: d.ref, Bookmark: mark})
	if err != nil || found.Dest == nil {
		return 0
	}
	index, err := d.FPDFDest_GetDestPageIndex(&requests.FPDFDest_GetDestPageIndex{Document: d.ref, Dest: *found.Dest})
	if err != nil {
		return 0
	}
	return index.Index + 1
}

// sections cuts pages where the outline's titles stand on them.
type sections struct {
	byPage  map[int][]entry
	current string
}

type part struct {
	title string // path of the section
	text  string
}

func newSections(entries []entry) *sections {
	s := &sections{byPage: map[int][]entry{}}
	for _, e := range entries {
		s.byPage[e.page] = append(s.byPage[e.page], e)
	}
	return s
}

// split must be called with pages in ascending order. A title that isn't
// found as a line of the page cuts nothing; it holds from the next page on.
func (s *sections) split(page int, text string) []part {
	var parts []part
	for _, e := range s.byPage[page] {
		at := lineStart(text, e.title)
		if at < 0 {
			continue
		}
		parts = appendPart(parts, s.current, text[:at])
		text = text[at:]
		s.current = e.path
	}
	parts = appendPart(parts, s.current, text)
	if marks := s.byPage[page]; len(marks) > 0 {
		s.current = marks[len(marks)-1].path
	}
	return parts
}

func appendPart(parts []part, title, text string) []part {
	text = strings.TrimSpace(text)
	// A heading directly followed by a sub-heading is no text of its own; it
	// is part of the sub-section's path.
	if text == "" || title != "" && strings.HasSuffix(title, text) {
		return parts
	}
	return append(parts, part{title: title, text: text})
}

// lineStart finds title at the start of a line of text, white space and case
// aside, or returns -1. The line may go on: a number or a page reference.
func lineStart(text, title string) int {
	want := strings.ToLower(title)
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text) - at
		}
		line := strings.ToLower(tidy.Line(text[at : at+end]))
		if line == want || strings.HasSuffix(line, " "+want) && len(line) <= len(want)+10 {
			return at
		}
		at += end + 1
	}
	return -1
}
