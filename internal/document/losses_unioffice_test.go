//go:build unioffice

package document_test

import chatconnect "github.com/chatconnect/chatconnect"

// What unioffice reads less of than TestParseFixtures and TestHostileFiles
// want: docs/adr/0010-docx-engines.md.
var (
	// lostFacts says why a fact of a fixture is not found.
	lostFacts = map[string]string{
		"contract.docx/The rent is 515 euros a month":    "515 was inserted with changes tracked",
		"contract.docx/The notice period is six months.": "six was inserted with changes tracked",
	}
	// otherwiseIn holds the codes with which hostile files end otherwise.
	otherwiseIn = map[string][]string{
		// Ours reads it; the model of it all takes more memory than a child may.
		"DOCX: 120 MB of XML": {chatconnect.CodeTooComplex},
		// Ours stops at the limit of text. The model refuses a paragraph without an
		// end, and may run out of memory before it sees that.
		"DOCX: one endless paragraph": {chatconnect.CodeCorrupt, chatconnect.CodeTooComplex},
	}
)
