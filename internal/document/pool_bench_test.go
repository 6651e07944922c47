package document_test

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document"
)

// BenchmarkFreshChild measures small documents, each in a new child, and what
// of that a child started beforehand would have behind it: its start, and for
// PDF also PDFium loaded from the disk cache. docs/adr/0011-no-warm-pool.md
// draws the conclusion.
func BenchmarkFreshChild(b *testing.B) {
	b.Run("saved by a spare/start", func(b *testing.B) {
		p := newParser(b, document.Options{})
		for b.Loop() {
			// White space is no work, and refused: what is left is the start.
			_, err := parse(b, p, chatconnect.TypeTXT, strings.NewReader(" "))
			require.Error(b, err)
		}
	})
	b.Run("saved by a spare/start with PDFium", func(b *testing.B) {
		p := newParser(b, document.Options{})
		for b.Loop() {
			require.NoError(b, p.Warm(context.Background()))
		}
	})
	for _, name := range []string{"handbook.pdf", "prices.docx", "stock.csv", "utf16.txt"} {
		b.Run(name, func(b *testing.B) {
			p := newParser(b, document.Options{})
			f := fixture(b, name)
			fileType := typeOf(b, f)
			for b.Loop() {
				_, err := f.Seek(0, io.SeekStart)
				require.NoError(b, err)
				_, err = parse(b, p, fileType, &onlyReader{f})
				require.NoError(b, err)
			}
		})
	}
}

// onlyReader hides all else that a file can do.
type onlyReader struct{ f *os.File }

func (r *onlyReader) Read(b []byte) (int, error) { return r.f.Read(b) }
