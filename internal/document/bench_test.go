package document_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document"
	"github.com/chatconnect/chatconnect/internal/filetest"
)

// BenchmarkParse measures whole documents, child process included.
func BenchmarkParse(b *testing.B) {
	const pages = 1000
	row := "A-%d,Bell of brass,Shelf %d,4.50,in stock\n"
	var rows strings.Builder
	rows.WriteString("sku,name,place,price,state\n")
	for i := range 5000 {
		fmt.Fprintf(&rows, row, i, i%40)
	}
	sentence := "The inspection covers brakes, lighting, tyres and the headset of every bicycle. "
	for _, c := range []struct {
		name     string
		fileType chatconnect.FileType
		content  string
		pages    int
	}{
		{"start", chatconnect.TypeTXT, "Hello.", 0},
		{"TXT 10 MB", chatconnect.TypeTXT, strings.Repeat(strings.Repeat(sentence, 8)+"\n\n", 10_000_000/len(sentence)/8), 0},
		{"CSV 5,000 rows", chatconnect.TypeCSV, rows.String(), 0},
		{"CSV 10 MB", chatconnect.TypeCSV, strings.Repeat(rows.String(), 10_000_000/rows.Len()), 0},
		{"PDF 1 page", chatconnect.TypePDF, textPages(1), 1},
		{"PDF 1,000 pages", chatconnect.TypePDF, textPages(pages), pages},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := newParser(b, document.Options{})
			b.SetBytes(int64(len(c.content)))
			for b.Loop() {
				err := p.Parse(context.Background(), c.fileType, strings.NewReader(c.content), func(chatconnect.Block) error { return nil }, nil)
				if err != nil {
					b.Fatal(err)
				}
			}
			if c.pages > 0 {
				b.ReportMetric(float64(c.pages*b.N)/b.Elapsed().Seconds(), "pages/s")
			}
		})
	}
}

// textPages makes pages of 40 lines, 3,000 characters each.
func textPages(n int) string {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", ""}
	var kids strings.Builder
	for i := range n {
		fmt.Fprintf(&kids, "%d 0 R ", 3+2*i)
		var content strings.Builder
		content.WriteString("BT /F 9 Tf 12 TL 40 780 Td ")
		for line := range 40 {
			fmt.Fprintf(&content, "(Line %d of page %d says that brakes, lights and tyres are to be looked at.) Tj T* ", line, i)
		}
		content.WriteString("ET")
		objects = append(objects, page(4+2*i, ""), filetest.PDFStream(content.String()))
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", kids.String(), n)
	var text strings.Builder
	_, _ = io.Copy(&text, pdfOf(objects...)) // memory to memory
	return text.String()
}
