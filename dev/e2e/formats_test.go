package e2e

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

// manual makes one text in each format, long enough for three batches of
// chunks. Every part of it is unlike every other, so that no vector is another's.
func manual(t testing.TB, format chatconnect.FileType) file {
	t.Helper()
	const parts = 160
	switch format {
	case chatconnect.TypePDF:
		pages := make([]string, parts)
		for i := range pages {
			pages[i] = paragraph(i, 150)
		}
		return file{"manual.pdf", pdfOf(pages)}
	case chatconnect.TypeDOCX:
		return file{"manual.docx", docxOf(t, parts)}
	case chatconnect.TypeCSV:
		var b strings.Builder
		b.WriteString("part,description\n")
		for i := range parts {
			fmt.Fprintf(&b, "P-%03d,%q\n", i, paragraph(i, 150))
		}
		return file{"manual.csv", []byte(b.String())}
	case chatconnect.TypeTXT:
		var b strings.Builder
		for i := range 2 * parts {
			b.WriteString(paragraph(i, 180) + "\n\n")
		}
		return file{"manual.txt", []byte(b.String())}
	default:
		t.Fatalf("no manual as %s", format)
		return file{}
	}
}

var vocabulary = strings.Fields(`valve pump filter gasket lever spring bearing shaft wheel chain bolt washer seal
	pipe tank motor switch fuse cable sensor panel hinge latch frame cover nozzle piston rotor clutch brake
	clean check replace tighten loosen inspect measure grease align remove attach drain fill test record
	weekly monthly daily yearly before after during always slowly carefully twice once`)

// paragraph is the part's own text of so many words, the same in every run.
func paragraph(part, words int) string {
	random := rand.New(rand.NewPCG(uint64(part), 7))
	text := []string{fmt.Sprintf("Part %d.", part)}
	for sentence := []string{}; len(text) < words; sentence = sentence[:0] {
		for range 8 + random.IntN(6) {
			sentence = append(sentence, vocabulary[random.IntN(len(vocabulary))])
		}
		text = append(text, strings.Fields(strings.Join(sentence, " ")+".")...)
	}
	return strings.Join(text, " ")
}

// pdfOf sets each text on a page of its own.
func pdfOf(pages []string) []byte {
	const fixed = 3 // catalogue, page tree, font
	objects := make([]string, 0, fixed+2*len(pages))
	kids := make([]string, len(pages))
	for i := range pages {
		kids[i] = fmt.Sprintf("%d 0 R", fixed+2*i+1)
	}
	objects = append(objects, "<< /Type /Catalog /Pages 2 0 R >>",
		fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(kids)),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for i, text := range pages {
		content := "BT /F 10 Tf 12 TL 40 800 Td\n"
		words := strings.Fields(text)
		for len(words) > 0 {
			n := min(14, len(words))
			content += fmt.Sprintf("(%s) Tj T*\n", strings.Join(words[:n], " "))
			words = words[n:]
		}
		content += "ET"
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F 3 0 R >> >> >>", fixed+2*i+2),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content))
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	offsets := make([]int, len(objects))
	for i, object := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// docxOf makes a document of headed sections.
func docxOf(t testing.TB, sections int) []byte {
	t.Helper()
	var body strings.Builder
	for i := range sections {
		fmt.Fprintf(&body, `<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Section %d</w:t></w:r></w:p><w:p><w:r><w:t>%s</w:t></w:r></w:p>`, i, paragraph(i, 320))
	}
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for _, part := range [][2]string{
		{"[Content_Types].xml", `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + body.String() + `</w:body></w:document>`},
	} {
		w, err := archive.Create(part[0])
		require.NoError(t, err)
		_, err = w.Write([]byte(part[1]))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return b.Bytes()
}
