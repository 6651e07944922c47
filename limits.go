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

// RateLimiter limits requests by key (GCRA).
type RateLimiter interface {
	Allow(ctx context.Context, key string, perMinute int) (RateDecision, error)
}

// LoginSessions are the dashboard's sessions, kept under a keyed hash of
// their token.
type LoginSessions interface {
	// Create returns an unguessable token.
	Create(ctx context.Context, user UserID, lifetime time.Duration) (token string, err error)
	// User returns ErrUnauthenticated for an unknown or expired token.
	User(ctx context.Context, token string) (UserID, error)
	Delete(ctx context.Context, token string) error
}

// Cache keeps small values for a while. It is an optimisation: its errors are
// logged by the caller and never fail a request.
type Cache interface {
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Set(ctx context.Context, key string, value []byte, lifetime time.Duration) error
}
