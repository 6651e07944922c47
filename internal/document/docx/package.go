// Package docx reads Word documents: a streaming reader over archive/zip and
// encoding/xml that opens only the parts it needs and holds none of them in
// memory.
//
// It imports the domain and the document helpers.
package docx

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/chatconnect/chatconnect/internal/document/failure"
)

// Caps of a package. Real documents stay far below each.
const (
	maxEntries   = 20_000
	maxPartBytes = 128 << 20 // of one part, declared or read
	maxReadBytes = 192 << 20 // of all parts together
)

// archive is an OPC package: a zip file whose parts are tied together by
// relationships.
type archive struct {
	parts map[string]*zip.File // by lower-case path without the leading slash
	read  int64
}

func openArchive(file io.ReaderAt, size int64) (*archive, error) {
	if IsOLE(file) {
		if encrypted(file, size) {
			return nil, failure.PasswordProtected
		}
		return nil, failure.Unsupported("an old Word document (.doc)")
	}
	reader, err := zip.NewReader(file, size)
	if err != nil {
		return nil, failure.Corrupt.Because(err)
	}
	if len(reader.File) > maxEntries {
		return nil, failure.TooComplex.Because(fmt.Errorf("%d entries", len(reader.File)))
	}
	a := &archive{parts: make(map[string]*zip.File, len(reader.File))}
	for _, f := range reader.File {
		name := partName("", f.Name)
		if _, twice := a.parts[name]; !twice {
			a.parts[name] = f
		}
	}
	return a, nil
}

// partName makes a part's path out of a zip entry's name or a relationship's
// target: some writers use backslashes, and case doesn't count.
func partName(base, target string) string {
	target = strings.ReplaceAll(target, `\`, "/")
	if !strings.HasPrefix(target, "/") {
		target = "/" + base + "/" + target
	}
	return strings.ToLower(strings.TrimPrefix(path.Clean(target), "/"))
}

// has reports whether there is such a part.
func (a *archive) has(name string) bool { return a.parts[name] != nil }

var errMissing = errors.New("part is missing")

// open returns a part as UTF-8, capped by what it declares and by our limits.
func (a *archive) open(name string) (io.ReadCloser, error) {
	f := a.parts[name]
	if f == nil {
		return nil, fmt.Errorf("%s: %w", name, errMissing)
	}
	const encryptedFlag = 1
	if f.Flags&encryptedFlag != 0 {
		return nil, failure.PasswordProtected
	}
	if f.UncompressedSize64 > maxPartBytes {
		return nil, failure.TooComplex.Because(fmt.Errorf("%s declares %d bytes", name, f.UncompressedSize64))
	}
	content, err := f.Open()
	if err != nil {
		return nil, failure.Corrupt.Because(err)
	}
	p := &part{ReadCloser: content, archive: a, left: int64(f.UncompressedSize64)}
	p.Reader, err = toUTF8(capped{p})
	if err != nil {
		return nil, errors.Join(err, content.Close())
	}
	return p, nil
}

type part struct {
	io.ReadCloser
	io.Reader // the same as UTF-8
	archive   *archive
	left      int64
}

func (p *part) Read(b []byte) (int, error) { return p.Reader.Read(b) }

// capped counts the bytes that a part really unpacks to.
type capped struct{ *part }

func (c capped) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.left -= int64(n)
	c.archive.read += int64(n)
	if c.archive.read > maxReadBytes {
		return n, failure.TooComplex.Because(fmt.Errorf("more than %d bytes unpacked", maxReadBytes))
	}
	if c.left < 0 {
		return n, failure.Corrupt.Because(errors.New("a part is longer than it declares"))
	}
	return n, err
}

// toUTF8 decodes the UTF-16 that XML allows and encoding/xml does not read.
func toUTF8(r io.Reader) (io.Reader, error) {
	head := make([]byte, 4)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = head[:n]
	rest := io.MultiReader(bytes.NewReader(head), r)
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		return io.MultiReader(bytes.NewReader(head[3:]), r), nil
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{'<', 0}):
		return transform.NewReader(rest, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()), nil
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}), bytes.HasPrefix(head, []byte{0, '<'}):
		return transform.NewReader(rest, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder()), nil
	}
	return rest, nil
}

// charsetReader is for parts that declare another encoding. UTF-16 has been
// decoded by then.
func charsetReader(name string, r io.Reader) (io.Reader, error) {
	lower := strings.ToLower(name)
	if strings.HasPrefix(lower, "utf-16") || strings.HasPrefix(lower, "utf16") || lower == "ucs-2" || lower == "iso-10646-ucs-2" {
		return r, nil
	}
	e, err := htmlindex.Get(lower)
	if err != nil {
		return nil, fmt.Errorf("encoding %q: %w", name, err)
	}
	return transform.NewReader(r, e.NewDecoder()), nil
}
