package api_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api"
)

// TestCellsAreNoFormulas also reads a row as spreadsheets do that split at
// semicolons or tabs and know no quotes: no cell begins with a formula.
func TestCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                   "",
		"Plain, with a comma":                "Plain, with a comma",
		"a=b, c@d.example, 1-2+3":            "a=b, c@d.example, 1-2+3",
		"=1+1":                               "'=1+1",
		"＝1+1":                               "'＝1+1",
		"＋1":                                 "'＋1",
		"－1":                                 "'－1",
		"＠SUM(A1)":                           "'＠SUM(A1)",
		"  =1":                               "  '=1",
		"\u00a0=1":                           "\u00a0'=1",
		"\u3000＝1":                           "\u3000'＝1",
		"\u200b\ufeff@x":                     "\u200b\ufeff'@x",
		`"=1`:                                `"'=1`,
		"'=1":                                "''=1",
		"\t=1":                               "'\t'=1",
		"\r=1":                               "'\r'=1",
		"\nx":                                "'\nx",
		"x;=cmd|' /C calc'!A0":               "x;'=cmd|' /C calc'!A0",
		"x; \"+1":                            "x; \"'+1",
		"first\n-2+3+cmd|' /C calc'!A0":      "first\n'-2+3+cmd|' /C calc'!A0",
		`=HYPERLINK("http://evil.test","x")`: `'=HYPERLINK("http://evil.test","x")`,
	} {
		require.Equal(t, want, api.Cell(text), "%q", text)
		var out strings.Builder
		writer := csv.NewWriter(&out)
		require.NoError(t, writer.Write([]string{"2026-05-01", api.Cell(text), "x"}))
		writer.Flush()
		for _, cell := range strings.FieldsFunc(out.String(), func(r rune) bool { return strings.ContainsRune(";,|\t\r\n", r) }) {
			cell = strings.Trim(cell, "\" \u00a0\u3000\u200b\ufeff")
			require.NotContains(t, "=+-@＝＋－＠", firstRune(cell), "%q of %q", cell, text)
		}
	}
}

// firstRune is "none" for an empty text, which is in no list of characters.
func firstRune(text string) string {
	for _, r := range text {
		return string(r)
	}
	return "none"
}
