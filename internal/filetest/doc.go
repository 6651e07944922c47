// Package filetest makes the files that tests and benches upload: PDF, DOCX
// and other archives, well-formed unless the caller wants otherwise.
//
// Only tests and benches import this package; it imports nothing of ours.
package filetest
