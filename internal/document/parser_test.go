package document_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document"
)

// warm fills the default cache directory, once in each process. It is shared
// with other runs of the tests: compiling PDFium takes seconds, and a minute
// in a build with the race detector.
var warm = sync.OnceValue(func() error {
	return document.NewParser(document.Options{}).Warm(context.Background())
})

func newParser(t testing.TB, options document.Options) *document.Parser {
	t.Helper()
	require.NoError(t, warm())
	options.TempDir = t.TempDir()
	if options.Deadline == 0 {
		options.Deadline = 5 * time.Minute // a busy machine is not what it is for
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(options.TempDir)
		require.NoError(t, err)
		require.Empty(t, left, "the parser left files behind")
	})
	return document.NewParser(options)
}

// parse returns the blocks of a document, joined with line ends, and the
// blocks themselves.
func parse(t testing.TB, p *document.Parser, fileType chatconnect.FileType, content io.Reader) ([]chatconnect.Block, error) {
	t.Helper()
	var blocks []chatconnect.Block
	err := p.Parse(context.Background(), fileType, content, func(b chatconnect.Block) error {
		blocks = append(blocks, b)
		return nil
	}, nil)
	return blocks, err
}

func fixture(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func typeOf(t testing.TB, f *os.File) chatconnect.FileType {
	t.Helper()
	info, err := f.Stat()
	require.NoError(t, err)
	fileType, err := document.Detect(f, info.Size(), f.Name())
	require.NoError(t, err)
	return fileType
}

// TestParseFixtures finds each fact of testdata/README.md in its place.
func TestParseFixtures(t *testing.T) {
	t.Parallel()
	p := newParser(t, document.Options{})
	for _, c := range []struct {
		file, text string
		page, row  int
		section    string
	}{
		{"handbook.pdf", "Membership costs 42 euros a year", 1, 0, "Becoming a member"},
		{"handbook.pdf", "Tuesday and Thursday from 14:00 to 19:30", 1, 0, "Opening hours"},
		{"handbook.pdf", "3.50 euros for each day", 2, 0, "Borrowing and returning > Late returns"},
		{"handbook.pdf", "The inspection covers brakes, lighting, tyres and the headset", 2, 0, "Theft"},
		{"handbook.pdf", "Disagreements about existing damage", 2, 0, "Theft"},
		{"handbook.pdf", "marked GREEN-7", 3, 0, "Care and repairs"},
		{"handbook.pdf", "Cargo bicycle 250 euros 12 euros", 3, 0, "Deposits"},
		{"handbook.pdf", "Ottilie Brandauer", 3, 0, "Who to ask"},
		{"handbook.pdf", "donated to the youth club in Ahornweg", 4, 0, "Winter storage"},
		{"owner-locked.pdf", "Membership costs 42 euros a year", 1, 0, "Becoming a member"},
		{"form.pdf", "Leopold Quendler", 1, 0, ""},
		{"form.pdf", "Frame number ZX-88213 checked", 1, 0, ""},
		{"truncated.pdf", "Membership costs 42 euros a year", 1, 0, "Becoming a member"},
		{"prices.docx", "Work: True a wheel; Price: 24.00; Time: 40 minutes", 0, 0, "Repairs > Wheels"},
		{"prices.docx", "Except in the week before Easter", 0, 0, "Repairs > Wheels"},
		{"prices.docx", "MINERAL-3", 0, 0, "Repairs > Brakes"},
		{"prices.docx", "Bicycle: Cargo bicycle; Half a day: 22.00; A day: 36.00; A week: 180.00", 0, 0, "Rentals > Day tariff"},
		{"prices.docx", "the desk (https://lindenhof.example/vouchers)", 0, 0, "Rentals > Discounts"},
		{"contract.docx", "The rent is 515 euros a month", 0, 0, "Lease of the cellar"},
		{"contract.docx", "The notice period is six months.", 0, 0, "Lease of the cellar"},
		{"utf16.txt", "Änne Größl", 0, 0, ""},
		{"utf16.txt", "9 300 euros are for the new trailer", 0, 0, ""},
		{"utf16be-nobom.txt", "自転車図書館", 0, 0, ""},
		{"windows-1252.txt", "nicht in den Abfluß", 0, 0, ""},
		{"windows-1252.txt", "eine Tüte kostet 7,50 €", 0, 0, ""},
		{"stock.csv", `Bemerkung: sog. "Komfort"-Modell; nur auf Bestellung`, 0, 17, ""},
		{"stock.csv", "Artikelnummer: LB-1539; Bezeichnung: Rücklicht 77; Lagerort: Regal B; Bestand: 49; Preis €: 30,95; Bemerkung: Zeile eins Zeile zwei", 0, 77, ""},
		{"stock.csv", "Artikelnummer: LB-1840", 0, 120, ""},
	} {
		t.Run(c.file+"/"+c.text, func(t *testing.T) {
			t.Parallel()
			f := fixture(t, c.file)
			blocks, err := parse(t, p, typeOf(t, f), f)
			require.NoError(t, err)
			found := false
			for _, b := range blocks {
				if strings.Contains(b.Text, c.text) {
					found = true
					require.Equal(t, c.page, b.Page)
					require.Equal(t, c.row, b.Row)
					require.True(t, strings.HasSuffix(b.Section, c.section), b.Section)
				}
			}
			if why, lost := lostFacts[c.file+"/"+c.text]; lost {
				require.False(t, found, "no loss any more: %s", why)
				return
			}
			require.True(t, found, "%v", blocks)
		})
	}
}

func TestParseLeavesOut(t *testing.T) {
	t.Parallel()
	f := fixture(t, "contract.docx")
	blocks, err := parse(t, newParser(t, document.Options{}), chatconnect.TypeDOCX, f)
	require.NoError(t, err)
	for _, b := range blocks {
		for _, deleted := range []string{"480", "repaint", "three", "long enough"} {
			require.NotContains(t, b.Text, deleted)
		}
	}
}

func TestParseFailures(t *testing.T) {
	t.Parallel()
	p := newParser(t, document.Options{})
	for file, code := range map[string]string{
		"locked.pdf":     chatconnect.CodePasswordProtected,
		"locked.docx":    chatconnect.CodePasswordProtected,
		"scanned.pdf":    chatconnect.CodeScanned,
		"broken.pdf":     chatconnect.CodeCorrupt,
		"truncated.docx": chatconnect.CodeCorrupt,
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			f := fixture(t, file)
			blocks, err := parse(t, p, typeOf(t, f), f)
			require.Empty(t, blocks)
			requireFailure(t, err, code)
		})
	}
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		_, err := parse(t, p, chatconnect.TypeTXT, strings.NewReader(""))
		requireFailure(t, err, chatconnect.CodeFileEmpty)
	})
	t.Run("white space", func(t *testing.T) {
		t.Parallel()
		_, err := parse(t, p, chatconnect.TypeTXT, strings.NewReader(" \n"))
		requireFailure(t, err, chatconnect.CodeNoText)
	})
}

func requireFailure(t testing.TB, err error, code string) {
	t.Helper()
	e := chatconnect.AsError(err)
	require.Equal(t, code, e.Code, "%v", err)
	require.Equal(t, chatconnect.KindInvalid, e.Kind)
	require.True(t, strings.HasSuffix(e.Message, "."), e.Message)
}

func TestParseReportsProgress(t *testing.T) {
	t.Parallel()
	f := fixture(t, "handbook.pdf")
	var last [2]int
	err := newParser(t, document.Options{}).Parse(context.Background(), chatconnect.TypePDF, f,
		func(chatconnect.Block) error { return nil },
		func(done, total int) {
			require.GreaterOrEqual(t, done, last[0])
			last = [2]int{done, total}
		})
	require.NoError(t, err)
	require.Equal(t, [2]int{4, 4}, last)
}

func TestParseTooLarge(t *testing.T) {
	t.Parallel()
	p := newParser(t, document.Options{MaxFileBytes: 100})
	_, err := parse(t, p, chatconnect.TypeTXT, strings.NewReader(strings.Repeat("a ", 60)))
	require.Equal(t, chatconnect.CodeFileTooLarge, chatconnect.AsError(err).Code)
}

func TestParseStopsWhenABlockIsRefused(t *testing.T) {
	t.Parallel()
	full := errors.New("disk is full")
	blocks := 0
	text := strings.Repeat(strings.Repeat("word ", 1000)+"\n\n", 2000)
	err := newParser(t, document.Options{}).Parse(context.Background(), chatconnect.TypeTXT, strings.NewReader(text), func(chatconnect.Block) error {
		blocks++
		return full
	}, nil)
	require.ErrorIs(t, err, full)
	require.Equal(t, 1, blocks)
}

func TestParseReturnsErrorsOfTheContent(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	_, err := parse(t, newParser(t, document.Options{}), chatconnect.TypeTXT, io.MultiReader(strings.NewReader("abc"), brokenReader{broken}))
	require.ErrorIs(t, err, broken)
}

type brokenReader struct{ error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.error }

func TestParseObeysItsContext(t *testing.T) {
	t.Parallel()
	p := newParser(t, document.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	// Cancelled from inside, while the child is at work.
	err := p.Parse(ctx, chatconnect.TypeCSV, strings.NewReader("a,b\n"+strings.Repeat("one,two\n", 500_000)), func(chatconnect.Block) error {
		cancel()
		return nil
	}, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, p.Parse(ctx, chatconnect.TypeTXT, strings.NewReader("a"), nil, nil), context.Canceled)
}

func TestParseWaitsForASlot(t *testing.T) {
	t.Parallel()
	p := newParser(t, document.Options{Parallel: 1})
	inside, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- p.Parse(context.Background(), chatconnect.TypeTXT, strings.NewReader("first"), func(chatconnect.Block) error {
			close(inside)
			<-release
			return nil
		}, nil)
	}()
	<-inside
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Parse(ctx, chatconnect.TypeTXT, strings.NewReader("second"), nil, nil), context.DeadlineExceeded)
	close(release)
	require.NoError(t, <-first)
}

func TestWarm(t *testing.T) {
	t.Parallel()
	if testing.Short() || document.MemoryFactor > 1 {
		t.Skip("compiles PDFium, which takes half a minute under the race detector")
	}
	dir := filepath.Join(t.TempDir(), "new", "cache")
	p := newParser(t, document.Options{CacheDir: dir})
	began := time.Now()
	require.NoError(t, p.Warm(context.Background()))
	cold := time.Since(began)
	compiled := files(t, dir)
	require.NotEmpty(t, compiled)
	began = time.Now()
	require.NoError(t, p.Warm(context.Background()))
	t.Logf("cold %v, warm %v", cold, time.Since(began))
	again := files(t, dir)
	require.Len(t, again, len(compiled))
	for name, file := range compiled {
		require.True(t, os.SameFile(file, again[name]), "%s was compiled again", name)
	}
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)
}

// files are those under dir, by their names.
func files(t *testing.T, dir string) map[string]os.FileInfo {
	t.Helper()
	found := map[string]os.FileInfo{}
	require.NoError(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			found[path] = info
		}
		return err
	}))
	return found
}

func TestCacheOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("not known here")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o777))
	f := fixture(t, "handbook.pdf")
	_, err := parse(t, newParser(t, document.Options{CacheDir: dir}), chatconnect.TypePDF, f)
	require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
	require.ErrorContains(t, err, "others can write")
}
