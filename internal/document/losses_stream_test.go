//go:build !unioffice

package document_test

// Nothing is lost with our own DOCX reader.
var (
	lostFacts   = map[string]string{}
	otherwiseIn = map[string][]string{}
)
