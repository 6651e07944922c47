// Package cache keeps small values in Redis for a while (chatconnect.Cache)
// and puts such a cache in front of an embedder (NewEmbedder).
//
// A cache is never needed: every call has a short timeout, and every failure
// counts as a miss.
//
// It imports the domain and go-redis; no other adapter.
package cache
