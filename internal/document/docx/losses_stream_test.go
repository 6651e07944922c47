//go:build !unioffice

package docx_test

// losses is empty: what the tests want is what this engine reads.
var losses = map[string]loss{}
