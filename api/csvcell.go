package api

import (
	"strings"
	"unicode"
)

// formulaStarts make spreadsheets take a cell for a formula; the full-width
// ones do in East Asian settings.
const formulaStarts = "=+-@＝＋－＠"

// cellStarts begin a cell in spreadsheets that don't split and quote as we do:
// where the comma is a decimal sign, lines are split at semicolons or tabs, and
// quotes in the middle of a line mean nothing.
const cellStarts = ";,|\t\r\n"

// cell keeps spreadsheets from running what a visitor typed as a formula
// (OWASP, CSV injection): an apostrophe stands before each character that could
// begin one, at the start of the text and of whatever may become a cell of its
// own. Blanks, quotes and invisible characters before it don't hide it.
func cell(text string) string {
	var out strings.Builder
	if text != "" && strings.ContainsRune("\t\r\n", rune(text[0])) {
		out.WriteByte('\'') // spreadsheets drop it, with what it hides
	}
	starting := true
	for _, r := range text {
		switch {
		case strings.ContainsRune(cellStarts, r):
			starting = true
		case starting && strings.ContainsRune(formulaStarts, r):
			out.WriteByte('\'')
			starting = false
		case starting && !hides(r):
			starting = false
		}
		out.WriteRune(r)
	}
	return out.String()
}

// hides reports whether spreadsheets may skip the character at a cell's start.
func hides(r rune) bool {
	return unicode.IsSpace(r) || r == '"' || r == '\'' || unicode.Is(unicode.Cf, r) || unicode.IsControl(r)
}
