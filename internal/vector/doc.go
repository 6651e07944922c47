// Package vector is the search index on Qdrant: it stores chunks as points
// with a dense and a BM25 sparse vector, and searches both in one round trip.
//
// Tenants share one collection, and while a reindex runs, two: one for each
// generation (see generations.go). What keeps them apart is
// the type scope: every filter and every payload is made by it, and it always
// puts the client first (see scope.go).
//
// The package imports the domain, the Qdrant client and text normalisation;
// it must not import other adapters, api, activities or workflows.
package vector
