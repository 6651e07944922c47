//go:build unioffice

package docx_test

// losses are the tests' documents of which unioffice reads less, with what it
// reads. docs/adr/0010-docx-engines.md tells them in words.
var losses = map[string]loss{
	"TestRead/insertion kept, deletion dropped": {instead: "", because: "its model has no content for w:ins"},
	"TestRead/moved once":                       {instead: "", because: "its model has no content for w:moveTo"},
	"TestRead/one branch of alternatives":       {instead: "outside\n", because: "text boxes are beyond its model"},
	"TestRead/fallback if there is no choice":   {instead: "", because: "text boxes are beyond its model"},
	"TestRead/formula":                          {instead: "E\n", because: "formulas are a model of their own, without text"},
	"TestRead/content control of several kinds": {instead: "a\n\nd\n\nb\tc\n", because: "its model keeps the kinds apart, not their order"},
	"TestDamageKeepsTheTextBefore":              {instead: "first\n", because: "an element that did not end is not in its model"},
}
