package document_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document"
)

const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"

func TestDetectFixtures(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]chatconnect.FileType{
		"handbook.pdf": chatconnect.TypePDF, "locked.pdf": chatconnect.TypePDF, "broken.pdf": chatconnect.TypePDF, "scanned.pdf": chatconnect.TypePDF,
		"prices.docx": chatconnect.TypeDOCX, "locked.docx": chatconnect.TypeDOCX, "truncated.docx": chatconnect.TypeDOCX,
		"utf16.txt": chatconnect.TypeTXT, "utf16be-nobom.txt": chatconnect.TypeTXT, "windows-1252.txt": chatconnect.TypeTXT,
		"stock.csv": chatconnect.TypeCSV,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join("testdata", name))
			require.NoError(t, err)
			// The name must not matter, but for the two kinds of text.
			for _, called := range []string{name, "x" + filepath.Ext(name), "mislabelled.pdf"} {
				if want == chatconnect.TypeCSV && called == "mislabelled.pdf" {
					continue
				}
				got, err := document.Detect(bytes.NewReader(data), int64(len(data)), called)
				require.NoError(t, err)
				require.Equal(t, want, got, called)
			}
		})
	}
}

func TestDetectText(t *testing.T) {
	t.Parallel()
	const table = "a,b\n1,2\n3,4\n"
	for name, c := range map[string]struct {
		in, name string
		want     chatconnect.FileType
	}{
		"csv by name":             {"just words", "words.CSV", chatconnect.TypeCSV},
		"tsv by name":             {"a\tb", "x.tsv", chatconnect.TypeCSV},
		"txt by name":             {table, "x.txt", chatconnect.TypeTXT},
		"table without extension": {table, "table", chatconnect.TypeCSV},
		"words without extension": {"Dear all,\n\nnothing.\n", "letter", chatconnect.TypeTXT},
		"markdown":                {"# Hello\n", "x.md", chatconnect.TypeTXT},
		"one byte":                {"a", "x.txt", chatconnect.TypeTXT},
		"text about PDF":          {"A PDF starts with %PDF-1.7 and ends with %%EOF.", "pdf.txt", chatconnect.TypeTXT},
		"text that starts as MZ":  {"MZ is a vehicle registration code of Mainz.", "x.txt", chatconnect.TypeTXT},
		"late PDF signature":      {"\r\n\xef\xbb\xbf"[2:] + strings.Repeat(" ", 500) + "%PDF-1.4\n1 0 obj", "x.txt", chatconnect.TypePDF},
		"PDF after a mail header": {"Content-Type: application/pdf\n\n%PDF-1.4\n1 0 obj\n", "x", chatconnect.TypePDF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := document.Detect(strings.NewReader(c.in), int64(len(c.in)), c.name)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestDetectRefuses(t *testing.T) {
	t.Parallel()
	zipOf := func(entries ...string) string {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for i := 0; i < len(entries); i += 2 {
			f, err := w.CreateHeader(&zip.FileHeader{Name: entries[i], Method: zip.Store})
			require.NoError(t, err)
			_, err = f.Write([]byte(entries[i+1]))
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		return b.String()
	}
	random := make([]byte, 100_000)
	source := rand.New(rand.NewPCG(3, 4))
	for i := range random {
		random[i] = byte(source.Uint32())
	}
	noZeros := strings.ReplaceAll(string(random), "\x00", "\x07")
	workbook := zipOf(
		"[Content_Types].xml", `<Types><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`,
		"_rels/.rels", `<Relationships><Relationship Id="1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml", `<workbook/>`)
	ole := "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 1000)
	for name, c := range map[string]struct{ in, name, code, says string }{
		"empty":                    {"", "x.pdf", chatconnect.CodeFileEmpty, "empty"},
		"PNG as PDF":               {png, "foo.pdf", chatconnect.CodeFileTypeUnsupported, "PNG image"},
		"GIF as TXT":               {"GIF89a" + strings.Repeat("a", 50), "x.txt", chatconnect.CodeFileTypeUnsupported, "GIF image"},
		"plain ZIP as DOCX":        {zipOf("readme.txt", "hello"), "x.docx", chatconnect.CodeFileTypeUnsupported, "ZIP archive"},
		"ZIP with a stray Word":    {zipOf("backup/word/document.xml", "<x/>"), "x.docx", chatconnect.CodeFileTypeUnsupported, "ZIP archive"},
		"truncated ZIP":            {zipOf("readme.txt", "hello")[:40], "x.docx", chatconnect.CodeFileTypeUnsupported, "ZIP archive"},
		"Excel":                    {workbook, "x.docx", chatconnect.CodeFileTypeUnsupported, "Excel"},
		"OpenDocument":             {zipOf("mimetype", "application/vnd.oasis.opendocument.text", "content.xml", "<x/>"), "x.docx", chatconnect.CodeFileTypeUnsupported, "OpenDocument"},
		"old Word":                 {ole, "x.docx", chatconnect.CodeFileTypeUnsupported, "old Office"},
		"program as TXT":           {"MZ\x90\x00\x03\x00\x00\x00" + string(random[:2000]), "x.txt", chatconnect.CodeFileTypeUnsupported, "Windows program"},
		"ELF as CSV":               {"\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 100), "x.csv", chatconnect.CodeFileTypeUnsupported, "program"},
		"gzip":                     {"\x1f\x8b\x08" + string(random[:500]), "x.txt", chatconnect.CodeFileTypeUnsupported, "compressed"},
		"RTF":                      {`{\rtf1\ansi hello}`, "x.txt", chatconnect.CodeFileTypeUnsupported, "RTF"},
		"garbage":                  {string(random), "x.txt", chatconnect.CodeFileTypeUnsupported, "binary"},
		"garbage without zeros":    {noZeros, "x.csv", chatconnect.CodeFileTypeUnsupported, "binary"},
		"text with a binary tail":  {strings.Repeat("hello ", 20_000) + string(random), "x.txt", chatconnect.CodeFileTypeUnsupported, "binary"},
		"PDF signature far inside": {strings.Repeat("\x01", 2000) + "%PDF-1.4 1 0 obj", "x.pdf", chatconnect.CodeFileTypeUnsupported, "binary"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := document.Detect(strings.NewReader(c.in), int64(len(c.in)), c.name)
			require.Empty(t, got)
			e := chatconnect.AsError(err)
			require.Equal(t, c.code, e.Code, "%v", err)
			require.Contains(t, e.Message, c.says)
			want := chatconnect.KindUnsupported
			if c.code == chatconnect.CodeFileEmpty {
				want = chatconnect.KindInvalid
			}
			require.Equal(t, want, e.Kind)
		})
	}
}

func TestDetectPassesReadErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	_, err := document.Detect(failing{broken}, 100, "x.txt")
	require.ErrorIs(t, err, broken)
}

type failing struct{ error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.error }

func FuzzDetect(f *testing.F) {
	for _, name := range []string{"prices.docx", "form.pdf", "locked.docx", "utf16.txt", "stock.csv"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(data[:min(len(data), 4000)], name)
	}
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		got, err := document.Detect(bytes.NewReader(data), int64(len(data)), name)
		if (got == "") != (err != nil) {
			t.Fatalf("%q, %v", got, err)
		}
		if err != nil {
			require.NotEqual(t, chatconnect.KindInternal, chatconnect.AsError(err).Kind)
		}
	})
}
