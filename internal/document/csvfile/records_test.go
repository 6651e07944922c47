package csvfile

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestRecordsAgreeWithEncodingCSV: on well-formed text both must find the
// same fields.
func TestRecordsAgreeWithEncodingCSV(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		comma := rapid.SampledFrom([]rune{',', ';', '\t', '|'}).Draw(t, "comma")
		field := rapid.OneOf(rapid.StringMatching(`[a-z",;| \t"]{0,12}`), rapid.StringMatching(`[a-z]{0,4}(\n[a-z" ]{0,4}){0,2}`))
		columns := rapid.IntRange(2, 5).Draw(t, "columns")
		table := rapid.SliceOfN(rapid.SliceOfN(field, columns, columns), 1, 8).Draw(t, "table")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma = comma
		require.NoError(t, w.WriteAll(table))
		got, err := all(newRecords(b.Bytes(), byte(comma), 100))
		require.NoError(t, err)
		require.Equal(t, table, got)
	})
}

// TestLazyQuotesAgreeWithEncodingCSV: nor may they differ on stray quotes,
// where no quote had to be taken literally.
func TestLazyQuotesAgreeWithEncodingCSV(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-c"]{0,4},[a-c"]{0,4}\n){1,6}`).Draw(t, "text")
		records := newRecords([]byte(text), ',', 100)
		got, err := all(records)
		require.NoError(t, err)
		if records.repairs > 0 {
			t.Skip("repaired")
		}
		r := csv.NewReader(strings.NewReader(text))
		r.LazyQuotes = true
		r.FieldsPerRecord = -1
		want, err := r.ReadAll()
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func all(r *records) ([][]string, error) {
	var out [][]string
	for {
		fields, err := r.next()
		if err != nil || fields == nil {
			return out, err
		}
		row := make([]string, len(fields))
		for i, f := range fields {
			row[i] = string(slices.Clone(f))
		}
		out = append(out, row)
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]byte{
		"a,b\n1,2\n":                       ',',
		"a;b\n1,5;2,5\n3,1;4,2\n":          ';',
		"a\tb\n1\t2\n":                     '\t',
		"a|b\n1|2\n":                       '|',
		"name\nx\n":                        ',',
		"a;b;c\n\"x, y\";1;2\n\"z\";3;4\n": ';',
	} {
		require.Equal(t, string(want), string(Sniff([]byte(text))), "%q", text)
	}
}

func TestIsTable(t *testing.T) {
	t.Parallel()
	require.True(t, IsTable([]byte("a,b\n1,2\n3,4\n")))
	require.False(t, IsTable([]byte("a,b\n")))
	require.False(t, IsTable([]byte("Dear all, we met.\nNothing happened, again, as ever.\nBye\nAnn\n")))
}
