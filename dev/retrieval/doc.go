// Package retrieval holds a check of the search, not code: does fusing dense
// and BM25 ranks find at least what each of them finds alone? It runs the real
// adapter against the Qdrant stand-in, with the built-in embedder.
//
// testdata/almanac.txt was written for it and is in the public domain (CC0):
// one passage under each heading, and after it three questions that only this
// passage answers.
package retrieval
