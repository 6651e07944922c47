package pdf

import (
	"strings"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"

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

// outline lists the document's bookmarks in order. Without any, or with a
// broken outline, it is empty: it is a help, nothing more.
func (d *document) outline() []entry {
	visited := 0
	if !d.isFinite(nil, 0, &visited) || visited == 0 {
		return nil
	}
	// Only this call finds destinations: FPDFBookmark_GetDest of the
	// WebAssembly binding calls FPDFBookmark_Find instead. It follows a cycle
	// for ever, hence the look before.
	all, err := d.GetBookmarks(&requests.GetBookmarks{Document: d.ref})
	if err != nil {
		return nil
	}
	var entries []entry
	var walk func(marks []responses.GetBookmarksBookmark, path []string)
	walk = func(marks []responses.GetBookmarksBookmark, path []string) {
		for _, mark := range marks {
			here := path
			if title := shorten(tidy.Line(mark.Title)); title != "" {
				here = append(path[:len(path):len(path)], title)
				if mark.DestInfo != nil && mark.DestInfo.PageIndex >= 0 {
					entries = append(entries, entry{page: mark.DestInfo.PageIndex + 1, title: title, path: strings.Join(here, " > ")})
				}
			}
			walk(mark.Children, here)
		}
	}
	walk(all.Bookmarks, nil)
	return entries
}

// isFinite walks the outline within its caps and reports whether it ended.
func (d *document) isFinite(parent *references.FPDF_BOOKMARK, depth int, visited *int) bool {
	if depth > maxOutlineDepth {
		return false
	}
	first, err := d.FPDFBookmark_GetFirstChild(&requests.FPDFBookmark_GetFirstChild{Document: d.ref, Bookmark: parent})
	if err != nil {
		return false
	}
	for mark := first.Bookmark; mark != nil; {
		if *visited++; *visited > maxOutlineEntries || !d.isFinite(mark, depth+1, visited) {
			return false
		}
		next, err := d.FPDFBookmark_GetNextSibling(&requests.FPDFBookmark_GetNextSibling{Document: d.ref, Bookmark: *mark})
		if err != nil {
			return false
		}
		mark = next.Bookmark
	}
	return true
}

func shorten(title string) string {
	if runes := []rune(title); len(runes) > maxTitleRunes {
		return string(runes[:maxTitleRunes])
	}
	return title
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

// split must be called with pages in ascending order. A title goes from the
// text to the part. One that isn't found as a line of the page cuts nothing;
// it holds from the next page on.
func (s *sections) split(page int, text string) []part {
	var parts []part
	for _, e := range s.byPage[page] {
		start, end := findTitle(text, e.title)
		if start < 0 {
			continue
		}
		parts = appendPart(parts, s.current, text[:start])
		text = text[end:]
		s.current = e.path
	}
	parts = appendPart(parts, s.current, text)
	if marks := s.byPage[page]; len(marks) > 0 {
		s.current = marks[len(marks)-1].path
	}
	return parts
}

func appendPart(parts []part, title, text string) []part {
	if text = strings.TrimSpace(text); text == "" {
		return parts
	}
	return append(parts, part{title: title, text: text})
}

// findTitle finds the lines of text that are title, or returns -1. White space
// and case don't count, a number may stand before the title, and the title
// may go over up to three lines.
func findTitle(text, title string) (start, end int) {
	want := unnumbered(title)
	for at := 0; at < len(text); {
		first := lineEnd(text, at)
		next := first
		for lines := 1; lines <= 3; lines++ {
			joined := unnumbered(text[at:next])
			if joined == want {
				return at, next
			}
			if next >= len(text) || joined == "" || !strings.HasPrefix(want, joined) {
				break
			}
			next = lineEnd(text, next+1)
		}
		at = first + 1
	}
	return -1, -1
}

// unnumbered drops white space, case and, unless nothing else is left, the
// number in front.
func unnumbered(s string) string {
	s = strings.ToLower(strings.Join(strings.Fields(s), ""))
	if rest := strings.TrimLeft(s, "0123456789.§"); rest != "" {
		return rest
	}
	return s
}

func lineEnd(text string, at int) int {
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(text)
}
