package pdf

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/klippa-app/go-pdfium/enums"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/failure"
	"github.com/chatconnect/chatconnect/internal/document/sink"
)

const (
	// Below this many characters a page, on average, a document with pictures
	// is a scan.
	scannedCharsPerPage = 20
	// How many pages are searched for pictures to tell a scan.
	scanProbePages = 20
	// A page that claims more characters than this is no page.
	maxPageChars = 2 << 20
)

// Read emits one block for each page, or for each section of a page if the
// document has an outline. Pages that can't be read are skipped and noted;
// only when none can is the document corrupt.
func (e *Engine) Read(file io.ReaderAt, size int64, maxPages int, out sink.Sink) error {
	content := make([]byte, size)
	if _, err := file.ReadAt(content, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read file: %w", err)
	}
	opened, err := e.OpenDocument(&requests.OpenDocument{File: &content})
	if errors.Is(err, pdfiumerrors.ErrFormat) {
		if repaired := withTrailer(content); repaired != nil {
			out.Warn("the end of the file is missing; read what is there")
			opened, err = e.OpenDocument(&requests.OpenDocument{File: &repaired})
		}
	}
	switch {
	case errors.Is(err, pdfiumerrors.ErrPassword), errors.Is(err, pdfiumerrors.ErrSecurity):
		return failure.PasswordProtected.Because(err)
	case err != nil:
		return failure.Corrupt.Because(err)
	}
	d := &document{Engine: e, ref: opened.Document, out: out}
	return d.read(maxPages)
}

var (
	catalog      = regexp.MustCompile(`/Type\s*/Catalog\b`)
	objectHeader = regexp.MustCompile(`(\d{1,8}) (\d{1,5}) obj\b`)
)

// withTrailer appends a trailer to a file that was cut off: PDFium finds the
// objects by itself, but not the one they hang from. It returns nil if the
// file has no catalogue that can be seen.
func withTrailer(content []byte) []byte {
	const near = 8 << 10
	found := catalog.FindIndex(content)
	if found == nil {
		return nil
	}
	headers := objectHeader.FindAllSubmatch(content[max(0, found[0]-near):found[0]], -1)
	if headers == nil {
		return nil
	}
	root := headers[len(headers)-1]
	return fmt.Appendf(slices.Clip(content), "\nendstream\nendobj\ntrailer\n<< /Root %s %s R >>\n%%%%EOF\n", root[1], root[2])
}

type document struct {
	*Engine
	ref references.FPDF_DOCUMENT
	out sink.Sink

	chars    int // letters found so far
	pictures bool
	failed   int // pages that could not be read
	lastErr  error
}

func (d *document) read(maxPages int) error {
	count, err := d.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: d.ref})
	if err != nil {
		return failure.Corrupt.Because(err)
	}
	pages := count.PageCount
	if pages > maxPages {
		return failure.TooManyPages(pages, maxPages)
	}
	if pages == 0 {
		return failure.Corrupt.Because(errors.New("no pages"))
	}
	sections := newSections(d.outline())

	// Blocks wait until the document is known not to be a scan, so that a scan
	// with a stamp on its first page fails as one.
	var held []chatconnect.Block
	heldBytes := 0
	release := func() error {
		for _, block := range held {
			if err := d.out.Block(block); err != nil {
				return err
			}
		}
		held = nil
		return nil
	}
	const enough = 64 << 10
	for page := 1; page <= pages; page++ {
		raw, err := d.page(page)
		if err != nil {
			if isFatal(err) {
				// PDFium itself is broken now; keep what there is.
				d.failed += pages - page + 1
				d.lastErr = err
				break
			}
			d.failed++
			d.lastErr = err
			d.out.Progress(page, pages)
			continue
		}
		text := paragraphs(raw)
		d.chars += utf8.RuneCountInString(strings.Join(strings.Fields(text), ""))
		for _, part := range sections.split(page, text) {
			held = append(held, chatconnect.Block{Text: part.text, Page: page, Section: part.title})
			heldBytes += len(part.text)
		}
		if heldBytes > enough && d.chars >= scannedCharsPerPage*pages {
			if err := release(); err != nil {
				return err
			}
		}
		d.out.Progress(page, pages)
	}
	if d.failed > 0 {
		d.out.Warn(fmt.Sprintf("%d of %d pages could not be read: %v", d.failed, pages, d.lastErr))
	}
	switch {
	case d.failed == pages:
		return failure.Corrupt.Because(d.lastErr)
	case d.chars < scannedCharsPerPage*(pages-d.failed) && d.pictures:
		return failure.Scanned
	case d.chars == 0 && d.failed > 0:
		return failure.Corrupt.Because(d.lastErr)
	case d.chars == 0:
		return failure.NoText
	}
	return release()
}

// page returns the text of a page, numbered from 1, as PDFium gives it.
func (d *document) page(number int) (string, error) {
	ref, err := d.load(number)
	if err != nil {
		return "", err
	}
	defer func() { _ = d.closePage(ref) }()
	page := requests.Page{ByReference: &ref}

	// Text of form fields and annotations is in their appearance, not in the
	// page, until they are flattened into it; the page must then be reloaded.
	annotations, err := d.FPDFPage_GetAnnotCount(&requests.FPDFPage_GetAnnotCount{Page: page})
	if err == nil && annotations.Count > 0 {
		if _, err := d.FPDFPage_Flatten(&requests.FPDFPage_Flatten{Page: page}); err != nil {
			if isFatal(err) {
				return "", err
			}
		} else {
			if err := d.closePage(ref); err != nil {
				return "", err
			}
			if ref, err = d.load(number); err != nil {
				return "", err
			}
		}
	}
	if number <= scanProbePages && !d.pictures {
		d.pictures = d.hasPicture(page)
	}
	return d.text(page)
}

func (d *document) load(number int) (references.FPDF_PAGE, error) {
	loaded, err := d.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: d.ref, Index: number - 1})
	if err != nil {
		return "", fmt.Errorf("load page %d: %w", number, err)
	}
	return loaded.Page, nil
}

func (d *document) closePage(ref references.FPDF_PAGE) error {
	_, err := d.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: ref})
	return err
}

func (d *document) text(page requests.Page) (string, error) {
	loaded, err := d.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: page})
	if err != nil {
		return "", fmt.Errorf("load text: %w", err)
	}
	defer func() { _, _ = d.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: loaded.TextPage}) }()
	count, err := d.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: loaded.TextPage})
	if err != nil {
		return "", fmt.Errorf("count characters: %w", err)
	}
	if count.Count <= 0 {
		return "", nil
	}
	if count.Count > maxPageChars {
		return "", fmt.Errorf("a page of %d characters", count.Count)
	}
	text, err := d.FPDFText_GetText(&requests.FPDFText_GetText{TextPage: loaded.TextPage, Count: count.Count})
	if err != nil {
		return "", fmt.Errorf("read text: %w", err)
	}
	return text.Text, nil
}

// hasPicture reports whether the page shows an image, by itself or in a form
// object.
func (d *document) hasPicture(page requests.Page) bool {
	const most = 200 // objects looked at
	count, err := d.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: page})
	if err != nil {
		return false
	}
	for i := range min(count.Count, most) {
		object, err := d.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: page, Index: i})
		if err != nil {
			return false
		}
		kind, err := d.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: object.PageObject})
		if err != nil {
			return false
		}
		if kind.Type == enums.FPDF_PAGEOBJ_IMAGE || kind.Type == enums.FPDF_PAGEOBJ_FORM {
			return true
		}
	}
	return false
}

// isFatal reports whether the WebAssembly instance died: a trap, or a panic
// of its glue code. After that it must not be called again.
func isFatal(err error) bool {
	text := err.Error()
	return strings.Contains(text, "wasm error") || strings.Contains(text, "wasm stack trace") ||
		strings.HasPrefix(text, "panic occurred") || strings.Contains(text, "module closed")
}
