package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/filetest"
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
		return file{"manual.docx", docxOf(parts)}
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
func pdfOf(texts []string) []byte {
	pages := make([][]string, len(texts))
	for i, text := range texts {
		for words := range slices.Chunk(strings.Fields(text), 14) {
			pages[i] = append(pages[i], strings.Join(words, " "))
		}
	}
	return filetest.PDFPages(pages)
}

// docxOf makes a document of headed sections.
func docxOf(sections int) []byte {
	var body strings.Builder
	for i := range sections {
		fmt.Fprintf(&body, `<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Section %d</w:t></w:r></w:p><w:p><w:r><w:t>%s</w:t></w:r></w:p>`, i, paragraph(i, 320))
	}
	return filetest.DOCX(body.String())
}
