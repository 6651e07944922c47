// Package ratelimit limits requests by key with GCRA (chatconnect.RateLimiter):
// shared between processes through Redis and, while Redis is away, within the
// process, so that limits neither vanish nor block everybody.
//
// It imports the domain and go-redis; no other adapter.
package ratelimit
