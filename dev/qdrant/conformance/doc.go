// Package conformance holds the black-box tests of dev/qdrant through the Go
// client, and of internal/vector, which speaks to it. Tests that go through
// onEach or adapterOnEach run against the stand-in and, if QDRANT_URL is set
// (with QDRANT_API_KEY), against that server too, in collections of their own
// that they delete.
package conformance
