// Package workflows is the deterministic part of ChatConnect: what happens to
// a document and to a question, in which order, whatever dies meanwhile.
//
// It imports the domain, temporal/ and activities/ (for method references on
// nil receivers), and does nothing but order activities. A released workflow
// changes through workflow.GetVersion; replay tests hold committed histories
// against it.
package workflows
