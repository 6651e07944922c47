package e2e

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/filetest"
)

// uploadDir is where the product keeps files.
func (p *product) uploadDir(t testing.TB) string {
	c, err := config.Load(p.environ)
	require.NoError(t, err)
	return c.UploadDir
}

// filesBelow lists the files a product keeps.
func filesBelow(t testing.TB, dir string) []string {
	t.Helper()
	files := []string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	require.NoError(t, err)
	return files
}

// count counts rows, as the database's owner with row level security off.
func (p *product) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	c, err := config.Load(p.environ)
	require.NoError(t, err)
	connection, err := pgx.Connect(context.Background(), c.OwnerURL())
	require.NoError(t, err)
	defer connection.Close(context.Background())
	var n int
	require.NoError(t, connection.QueryRow(context.Background(), query, args...).Scan(&n))
	return n
}

// change changes rows, as the database's owner.
func (p *product) change(t testing.TB, statement string, args ...any) {
	t.Helper()
	c, err := config.Load(p.environ)
	require.NoError(t, err)
	connection, err := pgx.Connect(context.Background(), c.OwnerURL())
	require.NoError(t, err)
	defer connection.Close(context.Background())
	_, err = connection.Exec(context.Background(), statement, args...)
	require.NoError(t, err)
}

// strings reads one column, as the database's owner.
func (p *product) strings(t testing.TB, query string, args ...any) []string {
	t.Helper()
	c, err := config.Load(p.environ)
	require.NoError(t, err)
	connection, err := pgx.Connect(context.Background(), c.OwnerURL())
	require.NoError(t, err)
	defer connection.Close(context.Background())
	rows, err := connection.Query(context.Background(), query, args...)
	require.NoError(t, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return values
}

func TestUnacceptableUploadsAreRefusedAndLeaveNothing(t *testing.T) {
	t.Parallel()
	product := startProduct(t, "MAX_FILE_SIZE=100000")
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	png := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), make([]byte, 100)...)
	for _, test := range []struct {
		file   file
		status int
		code   string
	}{
		{file{"large.txt", bytes.Repeat([]byte("a "), 50_001)}, http.StatusRequestEntityTooLarge, chatconnect.CodeFileTooLarge},
		{file{"empty.pdf", nil}, http.StatusBadRequest, chatconnect.CodeFileEmpty},
		{file{"forged.pdf", png}, http.StatusUnsupportedMediaType, chatconnect.CodeFileTypeUnsupported},
		{file{"forged.docx", filetest.Zip(filetest.Part{Name: "holiday.txt", Content: "not a document"})}, http.StatusUnsupportedMediaType, chatconnect.CodeFileTypeUnsupported},
		{file{"program.txt", []byte("\x7fELF\x02\x01\x01" + strings.Repeat("\x00\x01\xff", 100))}, http.StatusUnsupportedMediaType, chatconnect.CodeFileTypeUnsupported},
	} {
		require.Equal(t, test.code, shop.tryUpload(test.file).is(test.status).problem(), test.file.name)
	}
	require.Zero(t, product.count(t, "select count(*) from documents"))
	require.Empty(t, filesBelow(t, product.uploadDir(t)))

	// One bad file does not hold up the good ones beside it.
	var mixed struct {
		Documents []chatconnect.Document
		Errors    []struct{ Name, Code, Message string }
	}
	shop.tryUpload(file{"empty.pdf", nil}, file{"good.txt", []byte("Tea is served at four.")}).is(http.StatusAccepted).into(&mixed)
	require.Len(t, mixed.Documents, 1)
	require.Len(t, mixed.Errors, 1)
	require.Equal(t, "empty.pdf", mixed.Errors[0].Name)
	require.Equal(t, chatconnect.CodeFileEmpty, mixed.Errors[0].Code)
	require.Equal(t, chatconnect.StatusReady, shop.settle(mixed.Documents...)[0].Status)
}

func TestUnreadableDocumentsFailWithAReason(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	for name, code := range map[string]string{
		"locked.pdf":     chatconnect.CodePasswordProtected,
		"locked.docx":    chatconnect.CodePasswordProtected,
		"scanned.pdf":    chatconnect.CodeScanned,
		"broken.pdf":     chatconnect.CodeCorrupt,
		"truncated.docx": chatconnect.CodeCorrupt,
	} {
		t.Run(name, func(t *testing.T) {
			document := shop.settle(shop.upload(fixture(t, name))...)[0]
			require.Equal(t, chatconnect.StatusFailed, document.Status)
			require.NotNil(t, document.Error)
			require.Equal(t, code, document.Error.Code, document.Error.Message)
			require.Greater(t, len(document.Error.Message), 20, "a sentence")
			require.Less(t, document.Progress, 100)
			require.Zero(t, document.ChunksTotal)
			require.Equal(t, document.Error, shop.document(document.ID).Error, "it is kept")
		})
	}
	require.Zero(t, product.count(t, "select count(*) from chunks"))
	for _, path := range filesBelow(t, product.uploadDir(t)) {
		require.Equal(t, "source", filepath.Base(path), "only the uploaded files stay, for a retry")
	}
}
