package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
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
func mixed(n int) (file, error) {
	switch n % 4 {
	case 0:
		return pdfFile(n), nil
	case 1:
		return docxFile(n)
	case 2:
		return csvFile(n), nil
	default:
		return textFile(n, fileSections*sectionWords*7), nil
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

func docxFile(n int) (file, error) {
	var body strings.Builder
	for section := range fileSections {
		fmt.Fprintf(&body, `<w:p><w:pPr><w:pStyle w:val="H1"/></w:pPr><w:r><w:t>Step %d</w:t></w:r></w:p>`, section)
		fmt.Fprintf(&body, `<w:p><w:r><w:t>%s</w:t></w:r></w:p>`, prose(n, section, sectionWords))
	}
	const (
		word = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
		rels = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, part := range []struct{ name, content string }{
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="` + rels + `/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/_rels/document.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="` + rels + `/styles" Target="styles.xml"/></Relationships>`},
		{"word/styles.xml", `<w:styles ` + word + `><w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/></w:style></w:styles>`},
		{"word/document.xml", `<w:document ` + word + `><w:body>` + body.String() + `</w:body></w:document>`},
	} {
		f, err := w.Create(part.name)
		if err != nil {
			return file{}, err
		}
		if _, err := f.Write([]byte(part.content)); err != nil {
			return file{}, err
		}
	}
	err := w.Close()
	return file{Name: fmt.Sprintf("manual-%d.docx", n), Content: b.Bytes()}, err
}

// pdfFile sets three sections on a page.
func pdfFile(n int) file {
	const fixed, perPage, perLine = 3, 3, 12 // fixed: catalogue, page tree, font
	pages := fileSections / perPage
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}
	var kids strings.Builder
	for page := range pages {
		var content strings.Builder
		content.WriteString("BT /F 10 Tf 13 TL 40 800 Td ")
		for section := range perPage {
			words := strings.Fields(prose(n, page*perPage+section, sectionWords))
			for len(words) > 0 {
				line := words[:min(perLine, len(words))]
				words = words[len(line):]
				fmt.Fprintf(&content, "(%s) Tj T*\n", strings.Join(line, " "))
			}
			content.WriteString("T*\n")
		}
		content.WriteString("ET")
		id := len(objects) + 1
		fmt.Fprintf(&kids, "%d 0 R ", id)
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F %d 0 R >> >> >>", id+1, fixed),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", content.Len(), content.String()))
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", kids.String(), pages)

	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return file{Name: fmt.Sprintf("manual-%d.pdf", n), Content: b.Bytes()}
}
