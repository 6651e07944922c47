// Package csvfile reads tables of delimited text: any of the usual
// delimiters, any encoding, with and without a header, and with the quoting
// mistakes that spreadsheets and hands make.
//
// It imports the domain and the document helpers.
package csvfile

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/failure"
	"github.com/chatconnect/chatconnect/internal/document/plaintext"
	"github.com/chatconnect/chatconnect/internal/document/sink"
	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

// maxColumns caps a record: ten megabytes of commas would otherwise take
// gigabytes of slices.
const maxColumns = 2000

// Read emits one block for each row, "Header: value; Header: value", with its
// number as Row: rows are counted from 1, without the header. Empty values
// are left out, rows without any are counted but not emitted.
func Read(file io.ReaderAt, size int64, out sink.Sink) error {
	text, err := plaintext.Load(file, size)
	if err != nil {
		return err
	}
	text, comma := delimiterLine(text)
	if comma == 0 {
		comma = Sniff(text)
	}
	header, err := readHeader(text, comma)
	if err != nil {
		return err
	}
	records := newRecords(text, comma, maxColumns)
	if header != nil {
		if _, err := records.next(); err != nil {
			return failure.TooComplex.Because(err)
		}
	}
	any := false
	for row := 1; ; row++ {
		fields, err := records.next()
		if err != nil {
			return failure.TooComplex.Because(err)
		}
		if fields == nil {
			break
		}
		if row%500 == 0 {
			out.Progress(records.at, len(text))
		}
		line := format(header, fields)
		if line == "" {
			continue
		}
		any = true
		if err := out.Block(chatconnect.Block{Text: line, Row: row}); err != nil {
			return err
		}
	}
	if records.repairs > 0 {
		out.Warn(fmt.Sprintf("%d quotes without a partner were taken literally", records.repairs))
	}
	if !any && header != nil {
		// A header alone is all the text there is.
		any = true
		if err := out.Block(chatconnect.Block{Text: strings.Join(header, "; "), Row: 1}); err != nil {
			return err
		}
	}
	if !any {
		return failure.NoText
	}
	out.Progress(len(text), len(text))
	return nil
}

// format writes a row as a sentence of its own: a search for a value must
// find the names of its columns beside it.
func format(header []string, fields [][]byte) string {
	var b strings.Builder
	for i, field := range fields {
		value := tidy.Line(string(field))
		if value == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		if i < len(header) && header[i] != "" {
			b.WriteString(header[i])
			b.WriteString(": ")
		}
		b.WriteString(value)
	}
	return b.String()
}

// delimiterLine takes off the line "sep=;" that Excel writes and obeys.
func delimiterLine(text []byte) (rest []byte, comma byte) {
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	value, found := bytes.CutPrefix(bytes.ToLower(bytes.Trim(line, "\" ")), []byte("sep="))
	if !found || len(value) != 1 {
		return text, 0
	}
	return rest, value[0]
}
