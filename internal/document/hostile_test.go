package document_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document"
	"github.com/chatconnect/chatconnect/internal/filetest"
)

// TestHostileFiles: each must end in its code and in bounded memory.
func TestHostileFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	if document.MemoryFactor > 1 {
		t.Skip("making the files takes minutes under the race detector, and a child has nothing to race with; run without -race")
	}
	worker := startHostileWorker(t)
	word := func(open, unit string, times int, end string) io.Reader { return wordFile(t, open, unit, times, end) }
	for _, c := range []struct {
		name     string
		fileType chatconnect.FileType
		content  io.Reader
		codes    []string // any of these; none means that it must be read
	}{
		{"DOCX: zip bomb", chatconnect.TypeDOCX, word("<w:p><w:r><w:t>", "                                        ", 30_000_000, ""), []string{chatconnect.CodeTooComplex}},
		{"DOCX: 120 MB of XML", chatconnect.TypeDOCX, word("", "<w:p><w:r><w:t>all work and no play</w:t></w:r></w:p>", 2_300_000, "</w:body></w:document>"), nil},
		{"DOCX: one endless paragraph", chatconnect.TypeDOCX, word("<w:p><w:r><w:t>", "all work and no play ", 6_000_000, ""), []string{chatconnect.CodeTooComplex}},
		{"DOCX: declares less than it holds", chatconnect.TypeDOCX, lyingSizes(t), []string{chatconnect.CodeCorrupt}},
		{"DOCX: deep nesting", chatconnect.TypeDOCX, word("", "<w:sdt><w:sdtContent>", 1_000_000, ""), []string{chatconnect.CodeTooComplex}},
		{"DOCX: nested tables", chatconnect.TypeDOCX, word("", "<w:tbl><w:tr><w:tc>", 1_000_000, ""), []string{chatconnect.CodeTooComplex}},
		{"DOCX: endless table row", chatconnect.TypeDOCX, word("<w:tbl><w:tr>", "<w:tc><w:p/></w:tc>", 5_000_000, ""), []string{chatconnect.CodeTooComplex, chatconnect.CodeNoText, chatconnect.CodeCorrupt}},
		{"DOCX: element with endless attributes", chatconnect.TypeDOCX, word("<w:p", ` a="b"`, 15_000_000, "/>"), []string{chatconnect.CodeTooComplex, chatconnect.CodeCorrupt}},
		{"DOCX: endless name", chatconnect.TypeDOCX, word("<w:", "pppppppppp", 10_000_000, "/>"), []string{chatconnect.CodeTooComplex, chatconnect.CodeCorrupt}},
		{"DOCX: entity bomb", chatconnect.TypeDOCX, mainPart(`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>` + wordHead + "<w:p><w:r><w:t>&c;</w:t></w:r></w:p>"), []string{chatconnect.CodeCorrupt}},
		{"DOCX: external entity", chatconnect.TypeDOCX, mainPart(`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + wordHead + "<w:p><w:r><w:t>&a;</w:t></w:r></w:p>"), []string{chatconnect.CodeCorrupt}},
		{"DOCX: many entries", chatconnect.TypeDOCX, manyEntries(t), []string{chatconnect.CodeTooComplex}},
		{"CSV: commas", chatconnect.TypeCSV, strings.NewReader(strings.Repeat(",", 10<<20)), []string{chatconnect.CodeTooComplex}},
		{"CSV: quotes", chatconnect.TypeCSV, strings.NewReader("a,b\n" + strings.Repeat("\"", 10<<20)), nil},
		{"CSV: long header on many rows", chatconnect.TypeCSV, strings.NewReader(strings.Repeat("header ", 1000) + ",b\n" + strings.Repeat("1,2\n", 100_000)), []string{chatconnect.CodeTooComplex}},
		{"CSV: many rows", chatconnect.TypeCSV, strings.NewReader("a,b\n" + strings.Repeat("1,2\n", 1_200_000)), []string{chatconnect.CodeTooComplex}},
		{"TXT: one line", chatconnect.TypeTXT, strings.NewReader(strings.Repeat("x", 10<<20)), nil},
		{"TXT: combining marks", chatconnect.TypeTXT, strings.NewReader("e" + strings.Repeat("\u0301", 3<<20)), nil},
		{"TXT: line ends", chatconnect.TypeTXT, strings.NewReader(strings.Repeat("\r", 10<<20) + "x"), nil},
		{"PDF: 100,000 pages", chatconnect.TypePDF, manyPages(100_000), []string{chatconnect.CodeTooManyPages}},
		{"PDF: pages that contain themselves", chatconnect.TypePDF, pdfOf(
			"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R 2 0 R 2 0 R] /Count 2000 >>"), []string{chatconnect.CodeCorrupt, chatconnect.CodeNoText, chatconnect.CodeTooComplex}},
		{"PDF: declares pages it hasn't", chatconnect.TypePDF, pdfOf(
			"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 2147483647 >>", "<< /Type /Page /Parent 2 0 R >>"), []string{chatconnect.CodeTooManyPages, chatconnect.CodeCorrupt, chatconnect.CodeNoText}},
		{"PDF: forms within forms", chatconnect.TypePDF, nestedForms(30, 10), []string{chatconnect.CodeTooComplex, chatconnect.CodeCorrupt, chatconnect.CodeNoText, chatconnect.CodeScanned}},
		{"PDF: stream bomb", chatconnect.TypePDF, streamBomb(t), []string{chatconnect.CodeTooComplex, chatconnect.CodeCorrupt, chatconnect.CodeNoText}},
		{"PDF: endless outline", chatconnect.TypePDF, pdfOf(
			"<< /Type /Catalog /Pages 2 0 R /Outlines 3 0 R >>", "<< /Type /Pages /Kids [5 0 R] /Count 1 >>", "<< /First 4 0 R /Last 4 0 R /Count 1 >>",
			"<< /Title (again) /Parent 3 0 R /Next 4 0 R /First 4 0 R >>", page(6, ""), filetest.PDFStream("BT /F 12 Tf 9 9 Td (text enough to be a page of text) Tj ET")), nil},
		{"PDF: nested arrays", chatconnect.TypePDF, pdfOf(
			"<< /Type /Catalog /Pages 2 0 R /X "+strings.Repeat("[", 2_000_000)+" >>", "<< /Type /Pages /Kids [] /Count 0 >>"), []string{chatconnect.CodeCorrupt, chatconnect.CodeTooComplex, chatconnect.CodeNoText}},
		{"PDF: name only", chatconnect.TypePDF, strings.NewReader("%PDF-1.7"), []string{chatconnect.CodeCorrupt}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if codes, otherwise := otherwiseIn[c.name]; otherwise {
				require.NotSubset(t, c.codes, codes, "no different")
				c.codes = codes
			}
			const deadline = 5 * time.Minute // each ends by itself, however busy the machine
			began := time.Now()
			outcome, childMB := worker.parse(t, c.fileType, c.content, deadline)
			took := time.Since(began)
			t.Logf("%s, %d blocks, after %v, child %d MB", cmp.Or(outcome.Code, "read"), outcome.Blocks, took.Round(time.Millisecond), childMB)
			require.Less(t, took, deadline+time.Minute) // for the child's start and its end
			require.Less(t, childMB, int64(largestChildMB))
			if c.codes == nil {
				require.Empty(t, outcome.Code, outcome.Detail)
				return
			}
			require.Contains(t, c.codes, outcome.Code, outcome.Detail)
		})
	}
	peak := worker.watch.Stop()
	t.Logf("peak memory: worker %d MB, largest of %d children %d MB", peak.Process>>20, peak.Children, peak.Child>>20)
	require.Less(t, peak.Process>>20, int64(largestWorkerMB))
}

// What hostile files may take at most. Children have 450 MB of data, and
// besides that the program itself, which they share with their parent. A
// worker that does nothing else only passes text on.
const (
	largestChildMB  = 550
	largestWorkerMB = 150
)

const wordHead = `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`

// repetition is a large content: head, then unit repeated times, then end.
type repetition struct {
	head, unit string
	times      int
	end        string
}

func (r repetition) size() uint64 {
	return uint64(len(r.head) + len(r.unit)*r.times + len(r.end))
}

// deflate compresses the content, and writes the uncompressed content to sum. It
// compresses the unit once and repeats the result, because compressing gigabytes
// takes seconds.
func (r repetition) deflate(t testing.TB, sum io.Writer) []byte {
	t.Helper()
	pack := func(piece string, finish func(*flate.Writer) error) []byte {
		var packed bytes.Buffer
		w, err := flate.NewWriter(&packed, flate.BestCompression)
		require.NoError(t, err)
		_, err = io.WriteString(w, piece)
		require.NoError(t, err)
		require.NoError(t, finish(w))
		return packed.Bytes()
	}
	packed := pack(r.head, (*flate.Writer).Flush)
	packed = append(packed, bytes.Repeat(pack(r.unit, (*flate.Writer).Flush), r.times)...)
	packed = append(packed, pack(r.end, (*flate.Writer).Close)...)
	io.WriteString(sum, r.head)
	unit := []byte(r.unit)
	for range r.times {
		sum.Write(unit)
	}
	io.WriteString(sum, r.end)
	return packed
}

// wordFile is a DOCX whose body is open, then unit repeated times (in thousands),
// then end.
func wordFile(t testing.TB, open, unit string, times int, end string) io.Reader {
	t.Helper()
	content := repetition{head: wordHead + open, unit: strings.Repeat(unit, 1000), times: times / 1000, end: end}
	return largeMainPart(t, content, content.size())
}

// mainPart is a DOCX with only this main part.
func mainPart(content string) io.Reader {
	return bytes.NewReader(filetest.Zip(filetest.Part{Name: "word/document.xml", Content: content}))
}

// lyingSizes holds 1 GB in a part that declares 100 bytes.
func lyingSizes(t testing.TB) io.Reader {
	t.Helper()
	return largeMainPart(t, repetition{head: wordHead + "<w:p><w:r><w:t>", unit: strings.Repeat("a", 1<<20), times: 1 << 10}, 100)
}

// largeMainPart is a DOCX with only a main part, which declares a size.
func largeMainPart(t testing.TB, content repetition, declaredSize uint64) io.Reader {
	t.Helper()
	sum := crc32.NewIEEE()
	packed := content.deflate(t, sum)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&zip.FileHeader{Name: "word/document.xml", Method: zip.Deflate, CRC32: sum.Sum32(), CompressedSize64: uint64(len(packed)), UncompressedSize64: declaredSize})
	require.NoError(t, err)
	_, err = f.Write(packed)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return &b
}

func manyEntries(t testing.TB) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range 60_000 {
		_, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("word/%d.xml", i)})
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return &b
}

func pdfOf(objects ...string) io.Reader { return bytes.NewReader(filetest.PDF(objects...)) }

func page(contents int, xobjects string) string {
	return fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R /Resources << /XObject << %s >> /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>", contents, xobjects)
}

// manyPages uses one page object over and over.
func manyPages(n int) io.Reader {
	return pdfOf("<< /Type /Catalog /Pages 2 0 R >>",
		fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Repeat("3 0 R ", n), n),
		page(4, ""), filetest.PDFStream("BT /F 12 Tf 9 9 Td (hello) Tj ET"))
}

// nestedForms draws width^depth times.
func nestedForms(depth, width int) io.Reader {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page(4, "/X 5 0 R"), filetest.PDFStream(strings.Repeat("/X Do ", width))}
	for i := range depth {
		content := strings.Repeat("/X Do ", width)
		objects = append(objects, fmt.Sprintf("<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X %d 0 R >> >> /Length %d >>\nstream\n%s\nendstream", 6+i, len(content), content))
	}
	content := "BT /F 12 Tf (x) Tj ET"
	objects = append(objects, fmt.Sprintf("<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length %d >>\nstream\n%s\nendstream", len(content), content))
	return pdfOf(objects...)
}

// streamBomb unpacks a page's content to 2 GB.
func streamBomb(t testing.TB) io.Reader {
	t.Helper()
	sum := adler32.New()
	packed := []byte{0x78, 0xda} // the zlib format of RFC 1950: header, data, checksum
	packed = append(packed, repetition{unit: strings.Repeat("0 0 m ", 1<<18), times: 1 << 11 * 2 / 3}.deflate(t, sum)...)
	packed = sum.Sum(packed)
	return pdfOf("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page(4, ""),
		fmt.Sprintf("<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", len(packed), packed))
}

// TestLyingSizesLie keeps the test file honest: its header must really say 100.
func TestLyingSizesLie(t *testing.T) {
	t.Parallel()
	if testing.Short() || document.MemoryFactor > 1 {
		t.Skip("packs a gigabyte")
	}
	data, err := io.ReadAll(lyingSizes(t))
	require.NoError(t, err)
	directory := bytes.LastIndex(data, []byte("PK\x01\x02"))
	require.Equal(t, uint32(100), binary.LittleEndian.Uint32(data[directory+24:]))
}
