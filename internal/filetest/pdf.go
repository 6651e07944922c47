package filetest

import (
	"bytes"
	"fmt"
	"strings"
)

// PDF puts objects together, numbered from 1, the first being the catalogue.
func PDF(objects ...string) []byte {
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
	return b.Bytes()
}

// PDFPages sets one A4 page for each list of lines, which must be without
// brackets and backslashes.
func PDFPages(pages [][]string) []byte {
	const fixed = 3 // catalogue, page tree, font
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}
	kids := make([]string, len(pages))
	for i, lines := range pages {
		content := "BT /F 10 Tf 12 TL 40 800 Td\n"
		for _, line := range lines {
			content += "(" + line + ") Tj T*\n"
		}
		content += "ET"
		id := len(objects) + 1
		kids[i] = fmt.Sprintf("%d 0 R", id)
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F %d 0 R >> >> >>", id+1, fixed),
			PDFStream(content))
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(pages))
	return PDF(objects...)
}

// PDFStream is an object with that content.
func PDFStream(content string) string {
	return fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content)
}
