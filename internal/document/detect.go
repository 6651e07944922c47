package document

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"path"
	"regexp"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/charset"
	"github.com/chatconnect/chatconnect/internal/document/csvfile"
	"github.com/chatconnect/chatconnect/internal/document/docx"
	"github.com/chatconnect/chatconnect/internal/document/failure"
)

const (
	pdfHead    = 1024     // a PDF's signature may come this late (PDF 1.7, H.3.4.1)
	sampleHead = 64 << 10 // what is looked at to tell text from binary
	sampleMore = 16 << 10 // and as much from the middle and the end
)

var pdfSignature = regexp.MustCompile(`%PDF-[0-9]\.[0-9]`)

// Detect tells a file's type by its content. The name counts for one thing
// only: its extension decides between the two kinds of text, TXT and CSV.
//
// Errors are KindInvalid with CodeFileEmpty, or KindUnsupported with
// CodeFileTypeUnsupported and a sentence that says what the file is instead.
// A file of the right type that can't be read is not Detect's business: an
// encrypted Word document is accepted as DOCX and a truncated one too, and
// parsing them fails with CodePasswordProtected and CodeCorrupt, so that the
// document's page can show why. Errors of r itself are returned as they are.
func Detect(r io.ReaderAt, size int64, name string) (chatconnect.FileType, error) {
	if size <= 0 {
		return "", failure.Empty
	}
	head := make([]byte, min(size, sampleHead))
	if n, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	} else if n == 0 {
		return "", failure.Empty
	} else {
		head = head[:n]
	}
	switch {
	case isPDF(head):
		return chatconnect.TypePDF, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return detectZip(r, size, head)
	case docx.IsOLE(r):
		if docx.IsEncrypted(r, size) {
			return chatconnect.TypeDOCX, nil
		}
		return "", failure.Unsupported("an old Office file (such as .doc); save it as DOCX or PDF")
	}
	return detectText(r, size, head, name)
}

// isPDF finds the signature at the start, after white space or a byte order
// mark, or within the first kilobyte of something that has PDF objects: a
// text about PDF has the signature too.
func isPDF(head []byte) bool {
	at := pdfSignature.FindIndex(head[:min(len(head), pdfHead)])
	if at == nil {
		return false
	}
	before := bytes.TrimSpace(bytes.TrimPrefix(head[:at[0]], []byte("\xef\xbb\xbf")))
	return len(before) == 0 || bytes.Contains(head, []byte(" obj"))
}

func detectZip(r io.ReaderAt, size int64, head []byte) (chatconnect.FileType, error) {
	kind, err := docx.Identify(r, size)
	switch kind {
	case docx.KindWord:
		return chatconnect.TypeDOCX, nil
	case docx.KindExcel:
		return "", failure.Unsupported("an Excel workbook; save its sheets as CSV")
	case docx.KindPowerPoint:
		return "", failure.Unsupported("a PowerPoint presentation; save it as PDF")
	}
	if bytes.Contains(head, []byte("mimetypeapplication/vnd.oasis.opendocument")) {
		return "", failure.Unsupported("an OpenDocument file; save it as DOCX or PDF")
	}
	// The directory of a truncated package is lost, the names of its first
	// parts are not.
	if err != nil && (bytes.Contains(head, []byte("word/")) || bytes.Contains(head, []byte(`word\`))) {
		return chatconnect.TypeDOCX, nil
	}
	return "", failure.Unsupported("a ZIP archive").Because(err)
}

func detectText(r io.ReaderAt, size int64, head []byte, name string) (chatconnect.FileType, error) {
	if what := foreign(head); what != "" {
		return "", failure.Unsupported(what)
	}
	text, encoding, err := charset.Decode(wholeRunes(head, size))
	if err != nil || encoding == charset.Binary || !charset.LooksLikeText(text) {
		return "", failure.Unsupported("a binary file")
	}
	if encoding != charset.UTF16LE && encoding != charset.UTF16BE && encoding != charset.UTF32LE && encoding != charset.UTF32BE {
		for _, at := range []int64{size / 2, size - sampleMore} {
			if at < sampleHead {
				continue
			}
			sample := make([]byte, min(sampleMore, size-at))
			n, err := r.ReadAt(sample, at)
			if err != nil && !errors.Is(err, io.EOF) {
				return "", err
			}
			if bytes.IndexByte(sample[:n], 0) >= 0 {
				return "", failure.Unsupported("a binary file")
			}
		}
	}
	switch strings.ToLower(path.Ext(strings.ReplaceAll(name, `\`, "/"))) {
	case ".csv", ".tsv", ".tab":
		return chatconnect.TypeCSV, nil
	case "":
		if csvfile.IsTable(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))) {
			return chatconnect.TypeCSV, nil
		}
	}
	return chatconnect.TypeTXT, nil
}

// wholeRunes drops the last bytes of a sample that was cut out of more: they
// may be half a character.
func wholeRunes(head []byte, size int64) []byte {
	if int64(len(head)) == size {
		return head
	}
	return head[:len(head)&^3]
}

// foreign recognises formats that pass for text at first sight, or that we
// can name in the refusal. It returns "" for text and for the unknown.
func foreign(head []byte) string {
	for _, f := range []struct{ magic, what string }{
		{`{\rtf`, "a rich text file (RTF); save it as DOCX or PDF"},
		{"%!PS", "a PostScript file; save it as PDF"},
		{"MZ", "a Windows program"},
		{"\x7fELF", "a program"},
		{"\x1f\x8b", "a compressed file"},
		{"BZh", "a compressed file"},
		{"7z\xbc\xaf\x27\x1c", "a compressed file"},
		{"\xfd7zXZ", "a compressed file"},
		{"Rar!", "a compressed file"},
		{"SQLite format 3", "a database"},
	} {
		if bytes.HasPrefix(head, []byte(f.magic)) && (f.magic != "MZ" && f.magic != "BZh" || bytes.IndexByte(head, 0) >= 0) {
			return f.what
		}
	}
	kind, _, _ := strings.Cut(http.DetectContentType(head), ";")
	family, format, _ := strings.Cut(kind, "/")
	article := "a "
	switch family {
	case "image":
		return article + strings.ToUpper(strings.TrimPrefix(format, "x-")) + " image"
	case "audio", "font":
		return "an audio or font file"
	case "video":
		return article + "video"
	}
	return ""
}
