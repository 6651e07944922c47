package ratelimit

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
)

// keyPrefix comes before every key here; internal/cache knows it, which removes
// a deleted client's keys.
const keyPrefix = "rate:"

// Options configures a Limiter. Only Redis is required.
type Options struct {
	Redis   redis.UniversalClient // made by redisconn.Open
	Timeout time.Duration         // of a decision by Redis, 100 ms if 0
	Retry   time.Duration         // after a failure Redis is left alone this long, 1 s if 0
	MaxKeys int                   // keys the fallback remembers, 10,000 if 0
	Logger  *slog.Logger          // nil: none

	OnFallback func() // a decision was made without Redis; must not block
}

// Limiter implements chatconnect.RateLimiter. A key may spend its whole
// minute's allowance at once and regains it evenly.
//
// The fallback decides by the same rule, but each process on its own and
// starting afresh: with n processes, up to n times the limit can pass.
type Limiter struct {
	local   *local
	places  openPlaces
	o       Options
	retryAt atomic.Int64 // Unix ns; before it Redis is not asked
	down    atomic.Bool  // for logging the changes only
	now     func() time.Time
}

var _ chatconnect.RateLimiter = (*Limiter)(nil)

// New returns a limiter. It does not connect until it is used.
func New(options Options) *Limiter {
	l := &Limiter{o: options, now: time.Now, places: openPlaces{byKey: map[string]int{}}}
	if l.o.Timeout <= 0 {
		l.o.Timeout = 100 * time.Millisecond
	}
	if l.o.Retry <= 0 {
		l.o.Retry = time.Second
	}
	if l.o.MaxKeys <= 0 {
		l.o.MaxKeys = 10_000
	}
	if l.o.Logger == nil {
		l.o.Logger = slog.New(slog.DiscardHandler)
	}
	if l.o.OnFallback == nil {
		l.o.OnFallback = func() {}
	}
	l.local = newLocal(l.o.MaxKeys)
	return l
}

// Allow implements chatconnect.RateLimiter. A limit of 0 or less allows
// nothing; no limits allow everything. The only error is that of ctx.
func (l *Limiter) Allow(ctx context.Context, limits ...chatconnect.RateLimit) (chatconnect.RateDecision, error) {
	if err := ctx.Err(); err != nil {
		return chatconnect.RateDecision{}, err
	}
	if len(limits) == 0 {
		return chatconnect.RateDecision{Allowed: true}, nil
	}
	for _, limit := range limits {
		if limit.PerMinute <= 0 {
			return chatconnect.RateDecision{ResetAfter: time.Minute, RetryAfter: time.Minute}, nil
		}
	}
	now := l.now()
	if l.redisIsUp(now) {
		decision, err := l.ask(ctx, limits)
		if err == nil {
			l.redisAnswered(ctx)
			return decision, nil
		}
		if ctx.Err() != nil {
			return chatconnect.RateDecision{}, ctx.Err()
		}
		l.redisFailed(ctx, now, err)
	}
	l.o.OnFallback()
	return l.local.allow(limits, now), nil
}

// redisIsUp is false for a while after a failure, so that not every request
// waits for it.
func (l *Limiter) redisIsUp(now time.Time) bool { return now.UnixNano() >= l.retryAt.Load() }

func (l *Limiter) redisAnswered(ctx context.Context) {
	if l.down.CompareAndSwap(true, false) {
		l.o.Logger.InfoContext(ctx, "limits: Redis decides again")
	}
}

func (l *Limiter) redisFailed(ctx context.Context, now time.Time, err error) {
	l.retryAt.Store(now.Add(l.o.Retry).UnixNano())
	if l.down.CompareAndSwap(false, true) {
		l.o.Logger.WarnContext(ctx, "limits: Redis does not answer, each process decides on its own", "error", err)
	}
}

//go:embed allow.lua
var allowSource string

var allowScript = redis.NewScript(allowSource)

func (l *Limiter) ask(ctx context.Context, limits []chatconnect.RateLimit) (chatconnect.RateDecision, error) {
	ctx, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	keys, args := make([]string, len(limits)), make([]any, len(limits))
	for i, limit := range limits {
		keys[i], args[i] = keyPrefix+limit.Key, limit.PerMinute
	}
	reply, err := allowScript.Run(ctx, l.o.Redis, keys, args...).Int64Slice()
	if err != nil {
		return chatconnect.RateDecision{}, err
	}
	if len(reply) != 1+3*len(limits) {
		return chatconnect.RateDecision{}, fmt.Errorf("allow.lua returned %d numbers", len(reply))
	}
	decisions := make([]chatconnect.RateDecision, len(limits))
	for i, limit := range limits {
		of := reply[1+3*i:]
		decisions[i] = chatconnect.RateDecision{
			Allowed: of[2] == 0, Limit: limit.PerMinute, Remaining: int(of[0]),
			ResetAfter: time.Duration(of[1]) * time.Microsecond, RetryAfter: time.Duration(of[2]) * time.Microsecond,
		}
	}
	return nearest(decisions), nil
}

// nearest is the decision that callers are told: of a refusal the longest,
// else the one with the least remaining.
func nearest(decisions []chatconnect.RateDecision) chatconnect.RateDecision {
	found := decisions[0]
	for _, d := range decisions[1:] {
		switch {
		case d.Allowed != found.Allowed:
			if !d.Allowed {
				found = d
			}
		case !d.Allowed && d.RetryAfter > found.RetryAfter, d.Allowed && d.Remaining < found.Remaining:
			found = d
		}
	}
	return found
}
