package chatconnect

import (
	"context"
	"time"
)

// RateDecision is a limiter's answer, with what the RateLimit-* and
// Retry-After fields need.
type RateDecision struct {
	Allowed    bool
	Limit      int // requests a minute
	Remaining  int
	ResetAfter time.Duration // until the full limit is available again
	RetryAfter time.Duration // until one request is; 0 when Allowed
}

// RateLimit is one of the limits that a request counts against.
type RateLimit struct {
	Key       string
	PerMinute int
}

// RateLimiter limits requests (GCRA).
type RateLimiter interface {
	// Allow counts a request against all limits, or against none of them if one
	// refuses it, in one round trip. The decision is that of the limit that is
	// nearest to its end; of several that refuse, of the one that does so longest.
	Allow(ctx context.Context, limits ...RateLimit) (RateDecision, error)
	// GiveBack takes one request back that was counted against all limits; best
	// effort.
	GiveBack(ctx context.Context, limits ...RateLimit)
}

// PlaceLimiter bounds how many of something are open at once.
type PlaceLimiter interface {
	// Take takes one of the key's places; taken is false if there is none.
	// A place that is neither given back nor renewed within a minute is free
	// again: its process has died.
	Take(ctx context.Context, key string, places int) (place Place, taken bool, err error)
}

// Place is one that was taken.
type Place interface {
	Renew(ctx context.Context) // best effort; more often than once a minute
	GiveBack()                 // at once, and only the first time
}

// LoginSessions are the dashboard's sessions, kept under a keyed hash of
// their token.
type LoginSessions interface {
	// Create returns an unguessable token.
	Create(ctx context.Context, user UserID, lifetime time.Duration) (token string, err error)
	// User returns ErrUnauthenticated for an unknown or expired token.
	User(ctx context.Context, token string) (UserID, error)
	Delete(ctx context.Context, token string) error
	// Watch returns a channel that gets a value when the session has been
	// deleted, by whichever process, or may have been: then User tells. It is
	// not closed, and gets nothing more when ctx has ended.
	Watch(ctx context.Context, token string) (<-chan struct{}, error)
}

// Cache keeps small values for a while. It is an optimisation: its errors are
// logged by the caller and never fail a request.
type Cache interface {
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Set(ctx context.Context, key string, value []byte, lifetime time.Duration) error
}
