// Package qdrant is an embedded server that speaks the part of Qdrant's gRPC
// protocol ChatConnect uses, so that `make dev` and the tests need no Qdrant.
// It is built on the server stubs of go-client v1.17.1.
//
// Served: health check; collections (create, get, exists, list, delete);
// aliases; keyword, uuid, integer, float and bool field indexes; upsert,
// delete, set and overwrite payload, get, scroll, count; query and query batch
// with dense nearest (cosine, dot), sparse nearest (with IDF), prefetch,
// rescoring and RRF fusion; filters on keywords, integers, bools, ranges, ids,
// empty, null and nested values. Everything else, down to single fields of a
// request, is answered with Unimplemented and its name, never ignored. The
// exception is tuning (HNSW, WAL, optimizers, replicas, search parameters):
// search here is always exact and on one node, so it can't change an answer.
//
// Codes, messages and formulas are the real server's; the suite in
// dev/qdrant/conformance runs against both.
//
// # Durability
//
// Every change is appended to a log with checksums before it is applied and
// answered (log.go). A write(2) that has returned survives the death of the
// process, so kill -9 at any moment loses nothing that was acknowledged. The
// file is synced to disk within Options.SyncInterval, one second by default:
// a power failure may lose that much, which a development server can afford
// and which keeps an upsert of 256 points at a few milliseconds instead of
// the disk's.
//
// # Memory
//
// Everything is in memory. The points of one tenant (an index with is_tenant)
// form a group whose vectors lie side by side (arena.go): searching 1,000 of
// 100,000 points reads 3 MB in a row instead of 1,000 scattered cache lines.
//
// The package imports the go-client, grpc and the standard library, and
// nothing of ChatConnect: the adapter must not be tested against itself.
package qdrant
