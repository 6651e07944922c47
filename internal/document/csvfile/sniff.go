package csvfile

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/chatconnect/chatconnect/internal/document/failure"
	"github.com/chatconnect/chatconnect/internal/document/tidy"
)

const (
	sniffBytes   = 64 << 10
	sniffRecords = 100
)

// Sniff finds the delimiter: the one that gives the most records the same
// number of columns, at least two; of equals, the one that gives more columns.
// Without any it is a comma.
func Sniff(text []byte) byte {
	best, bestScore := byte(','), 0.0
	for _, comma := range []byte{',', ';', '\t', '|'} {
		agreement, columns := consistency(text, comma)
		if columns < 2 {
			continue
		}
		// A tenth of a point for 100 columns: enough to settle a draw.
		score := agreement + float64(min(columns, 100))/1000
		if score > bestScore {
			best, bestScore = comma, score
		}
	}
	return best
}

// IsTable reports whether text, of unknown kind, has the make-up of a table:
// three or more records, nearly all with the same number of columns.
func IsTable(text []byte) bool {
	comma := Sniff(text)
	agreement, columns := consistency(text, comma)
	records := 0
	for scan := newRecords(text[:min(len(text), sniffBytes)], comma, maxColumns); records < 3; records++ {
		if fields, err := scan.next(); err != nil || fields == nil {
			break
		}
	}
	return columns >= 2 && agreement >= 0.9 && records >= 3
}

// consistency returns the share of records that have the commonest number of
// columns, and that number.
func consistency(text []byte, comma byte) (agreement float64, columns int) {
	sample := text[:min(len(text), sniffBytes)]
	if len(sample) < len(text) {
		if end := bytes.LastIndexByte(sample, '\n'); end > 0 {
			sample = sample[:end]
		}
	}
	counts := map[int]int{}
	total := 0
	for scan := newRecords(sample, comma, maxColumns); total < sniffRecords; total++ {
		fields, err := scan.next()
		if err != nil || fields == nil {
			break
		}
		counts[len(fields)]++
	}
	for n, count := range counts {
		if count > counts[columns] || count == counts[columns] && n > columns {
			columns = n
		}
	}
	if total == 0 {
		return 0, 0
	}
	return float64(counts[columns]) / float64(total), columns
}

// readHeader returns the names of the columns, or nil if the first record is
// data already.
func readHeader(text []byte, comma byte) ([]string, error) {
	records := newRecords(text, comma, maxColumns)
	first, err := records.next()
	if err != nil {
		return nil, failure.TooComplex.Because(err)
	}
	if first == nil {
		return nil, nil
	}
	names := make([]string, len(first))
	for i, field := range first {
		names[i] = strings.TrimRight(tidy.Line(string(field)), ": ")
	}
	var sample [][]string
	for len(sample) < 20 {
		fields, err := records.next()
		if err != nil || fields == nil {
			break // Read reports it, with the row it stands in
		}
		row := make([]string, len(fields))
		for i, field := range fields {
			row[i] = tidy.Line(string(field))
		}
		sample = append(sample, row)
	}
	if !isHeader(names, sample) {
		return nil, nil
	}
	return names, nil
}

// isHeader reports whether the first record names the columns. Names are
// words, each its own; a number, a date or an address among them is data,
// except for a row of years over a table of figures.
func isHeader(names []string, rows [][]string) bool {
	seen := map[string]bool{}
	filled, values, years := 0, 0, 0
	for i, name := range names {
		if name == "" {
			continue
		}
		filled++
		key := strings.ToLower(name)
		if seen[key] && !isNumber(name) {
			return false
		}
		seen[key] = true
		switch {
		case isYear(name) && i > 0:
			years++
		case looksLikeValue(name):
			values++
		}
	}
	if filled == 0 || filled*2 < len(names) {
		return false
	}
	if len(rows) == 0 {
		return false
	}
	if values > 0 {
		return false
	}
	if years > 0 && years < 2 {
		return false
	}
	// All words: data of words only under names of words can't be told apart,
	// and tables have headers far more often than not. Only a first record
	// that is narrower than the table is a title, not a header.
	return len(names) > 1 || len(rows[0]) == 1
}

func isYear(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && len(s) == 4 && n >= 1900 && n <= 2100
}

func isNumber(s string) bool {
	s = strings.Trim(s, "+-%€$£ ")
	if s == "" {
		return false
	}
	digits := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case strings.ContainsRune(".,' :/-", r): // also dates and times
		default:
			return false
		}
	}
	return digits > 0
}

func looksLikeValue(s string) bool {
	return isNumber(s) || strings.Contains(s, "@") || strings.Contains(s, "://")
}
