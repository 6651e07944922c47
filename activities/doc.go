// Package activities is the work that workflows order: everything that
// touches a file, a database, an index or a model. An activity takes one
// pointer and returns one pointer; its dependencies are the fields of its
// struct, all of them interfaces of the domain.
//
// It imports the domain and temporal/, and no adapter. Every activity may run
// twice, or be killed half-way and run again elsewhere: what it writes is
// keyed so that this changes nothing.
package activities
