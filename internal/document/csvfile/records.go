package csvfile

import "bytes"

// records splits CSV text into fields as encoding/csv does with LazyQuotes
// and FieldsPerRecord -1, with three differences that real files need and
// that package can't be told: a record's columns are counted before they are
// stored, a quote that is never closed is taken literally instead of
// swallowing the rest of the file, and so is one that is closed only by
// another record's quote.
//
// Text must have \n line ends only. It runs in linear time on any input.
type records struct {
	text  []byte
	at    int
	comma byte
	max   int // columns

	columns int // of the first record, to recognise swallowed lines
	close   int // position of the next closing quote at or after closeFrom
	from    int
	repairs int // quotes taken literally
	fields  [][]byte
}

// errTooWide is returned for a record of more than max columns.
type errTooWide struct{}

func (errTooWide) Error() string { return "too many columns" }

func newRecords(text []byte, comma byte, max int) *records {
	return &records{text: text, comma: comma, max: max, close: -1, from: -1}
}

// next returns the next record's fields, which are valid until the call after
// it, or nil at the end. Empty lines are skipped, as encoding/csv does.
func (r *records) next() ([][]byte, error) {
	for r.at < len(r.text) && r.text[r.at] == '\n' {
		r.at++
	}
	if r.at >= len(r.text) {
		return nil, nil
	}
	r.fields = r.fields[:0]
	for {
		field, more := r.field()
		if len(r.fields) >= r.max {
			return nil, errTooWide{}
		}
		r.fields = append(r.fields, field)
		if !more {
			break
		}
	}
	if r.columns == 0 {
		r.columns = len(r.fields)
	}
	return r.fields, nil
}

// field reads one field and the delimiter after it; more is false if the
// record ends with it.
func (r *records) field() (field []byte, more bool) {
	if r.at < len(r.text) && r.text[r.at] == '"' {
		end := r.closing(r.at + 1)
		if end >= 0 && !r.swallows(r.at+1, end) {
			field = unquote(r.text[r.at+1 : end])
			return field, r.delimiter(end + 1)
		}
		r.repairs++
	}
	start := r.at
	for r.at < len(r.text) && r.text[r.at] != r.comma && r.text[r.at] != '\n' {
		r.at++
	}
	return r.text[start:r.at], r.delimiter(r.at)
}

// delimiter steps over what stands at position at, after a field.
func (r *records) delimiter(at int) (more bool) {
	if at >= len(r.text) {
		r.at = len(r.text)
		return false
	}
	r.at = at + 1
	return r.text[at] == r.comma
}

// closing finds the quote that closes a field opened before position at: the
// last of an odd run of quotes, with a delimiter, a line end or the end of
// the text after it. Anything else inside is an escaped pair or a stray quote.
func (r *records) closing(at int) int {
	run := 0
	for at+run < len(r.text) && r.text[at+run] == '"' {
		run++
	}
	if run%2 == 1 && r.ends(at+run) {
		return at + run - 1
	}
	at += run
	// Whether a later run closes doesn't depend on where the field opened, so
	// the answer holds for every position up to it: that keeps this linear.
	if r.from >= 0 && r.from <= at && (r.close < 0 || at <= r.close) {
		return r.close
	}
	r.from = at
	r.close = -1
	for at < len(r.text) {
		next := bytes.IndexByte(r.text[at:], '"')
		if next < 0 {
			break
		}
		at += next
		run = 0
		for at+run < len(r.text) && r.text[at+run] == '"' {
			run++
		}
		if run%2 == 1 && r.ends(at+run) {
			r.close = at + run - 1
			break
		}
		at += run
	}
	return r.close
}

func (r *records) ends(at int) bool {
	return at >= len(r.text) || r.text[at] == r.comma || r.text[at] == '\n'
}

// swallows reports whether a quoted field looks like lines of their own: its
// second to fourth lines have just as many columns as the first record.
func (r *records) swallows(from, to int) bool {
	const lines, longest = 3, 8 << 10
	if r.columns < 2 {
		return false
	}
	text := r.text[from:to]
	end := bytes.IndexByte(text, '\n')
	if end < 0 {
		return false
	}
	text = text[end+1:]
	for range lines {
		end := bytes.IndexByte(text[:min(len(text), longest)], '\n')
		if end < 0 || bytes.Count(text[:end], []byte{r.comma}) != r.columns-1 {
			return false
		}
		text = text[end+1:]
	}
	return true
}

func unquote(field []byte) []byte {
	if bytes.IndexByte(field, '"') < 0 {
		return field
	}
	return bytes.ReplaceAll(field, []byte(`""`), []byte(`"`))
}
