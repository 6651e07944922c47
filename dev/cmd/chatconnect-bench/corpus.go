package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/chatconnect/chatconnect/internal/filetest"
)

// The files of the ingestion bench: small ones as people upload them, about
// 12,000 characters each, whatever the format. A number makes each unlike all
// others: the same file again would be recognised, and a text embedded before
// comes from the cache.

const (
	fileSections = 12
	sectionWords = 160
)

var vocabulary = strings.Fields(`valve pump filter gasket lever spring bearing shaft wheel chain bolt washer seal
	pipe tank motor switch fuse cable sensor panel hinge latch frame cover nozzle piston rotor clutch brake
	clean check replace tighten loosen inspect measure grease align remove attach drain fill test record
	weekly monthly daily yearly before after during always slowly carefully twice once`)

// prose is as many words in sentences, the same for the same numbers.
func prose(number, section, words int) string {
	random := rand.New(rand.NewPCG(uint64(number), uint64(section)))
	var b strings.Builder
	fmt.Fprintf(&b, "Machine %d, step %d.", number, section)
	for written := 0; written < words; {
		n := 8 + random.IntN(6)
		for range n {
			b.WriteByte(' ')
			b.WriteString(vocabulary[random.IntN(len(vocabulary))])
		}
		b.WriteByte('.')
		written += n
	}
	return b.String()
}

// mixed is file number n of an upload of many: the formats take turns.
func mixed(n int) file {
	switch n % 4 {
	case 0:
		return pdfFile(n)
	case 1:
		return docxFile(n)
	case 2:
		return csvFile(n)
	default:
		return textFile(n, fileSections*sectionWords*7)
	}
}

// textFile has paragraphs up to size bytes.
func textFile(n, size int) file {
	var b strings.Builder
	for section := 0; b.Len() < size; section++ {
		b.WriteString(prose(n, section, sectionWords))
		b.WriteString("\n\n")
	}
	return file{Name: fmt.Sprintf("manual-%d.txt", n), Content: []byte(b.String()[:size])}
}

func csvFile(n int) file {
	const rows = 100
	var b strings.Builder
	b.WriteString("part,place,price,description\n")
	for row := range rows {
		fmt.Fprintf(&b, "P-%d-%d,Shelf %d,%d.50,%q\n", n, row, row%17, row, prose(n, row, 10))
	}
	return file{Name: fmt.Sprintf("parts-%d.csv", n), Content: []byte(b.String())}
}

func docxFile(n int) file {
	var body strings.Builder
	for section := range fileSections {
		fmt.Fprintf(&body, `<w:p><w:pPr><w:pStyle w:val="H1"/></w:pPr><w:r><w:t>Step %d</w:t></w:r></w:p>`, section)
		fmt.Fprintf(&body, `<w:p><w:r><w:t>%s</w:t></w:r></w:p>`, prose(n, section, sectionWords))
	}
	return file{Name: fmt.Sprintf("manual-%d.docx", n), Content: filetest.DOCX(body.String(),
		filetest.Part{Name: "word/_rels/document.xml.rels", Content: filetest.Relationship("styles", "styles.xml")},
		filetest.Part{Name: "word/styles.xml", Content: `<w:styles ` + filetest.WordNamespace + `><w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style></w:styles>`},
	)}
}

// pdfFile sets three sections on a page.
func pdfFile(n int) file {
	const perPage, perLine = 3, 12
	pages := make([][]string, fileSections/perPage)
	for page := range pages {
		for section := range perPage {
			words := strings.Fields(prose(n, page*perPage+section, sectionWords))
			for len(words) > 0 {
				line := words[:min(perLine, len(words))]
				words = words[len(line):]
				pages[page] = append(pages[page], strings.Join(line, " "))
			}
			pages[page] = append(pages[page], "")
		}
	}
	return file{Name: fmt.Sprintf("manual-%d.pdf", n), Content: filetest.PDFPages(pages)}
}
