package ratelimit

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
)

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
	redis   *redis_rate.Limiter
	local   *local
	o       Options
	retryAt atomic.Int64 // Unix ns; before it Redis is not asked
	down    atomic.Bool  // for logging the changes only
	now     func() time.Time
}

var _ chatconnect.RateLimiter = (*Limiter)(nil)

// New returns a limiter. It does not connect until it is used.
func New(options Options) *Limiter {
	l := &Limiter{o: options, redis: redis_rate.NewLimiter(options.Redis), now: time.Now}
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
// nothing. The only error is that of ctx.
func (l *Limiter) Allow(ctx context.Context, key string, perMinute int) (chatconnect.RateDecision, error) {
	if err := ctx.Err(); err != nil {
		return chatconnect.RateDecision{}, err
	}
	if perMinute <= 0 {
		return chatconnect.RateDecision{ResetAfter: time.Minute, RetryAfter: time.Minute}, nil
	}
	now := l.now()
	if now.UnixNano() >= l.retryAt.Load() {
		decision, err := l.ask(ctx, key, perMinute)
		if err == nil {
			if l.down.CompareAndSwap(true, false) {
				l.o.Logger.InfoContext(ctx, "rate limits: Redis decides again")
			}
			return decision, nil
		}
		if ctx.Err() != nil {
			return chatconnect.RateDecision{}, ctx.Err()
		}
		l.retryAt.Store(now.Add(l.o.Retry).UnixNano())
		if l.down.CompareAndSwap(false, true) {
			l.o.Logger.WarnContext(ctx, "rate limits: Redis does not answer, each process decides on its own", "error", err)
		}
	}
	l.o.OnFallback()
	return l.local.allow(key, perMinute, now), nil
}

func (l *Limiter) ask(ctx context.Context, key string, perMinute int) (chatconnect.RateDecision, error) {
	call, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	result, err := l.redis.Allow(call, key, redis_rate.PerMinute(perMinute))
	if err != nil {
		return chatconnect.RateDecision{}, err
	}
	return chatconnect.RateDecision{
		Allowed:    result.Allowed > 0,
		Limit:      perMinute,
		Remaining:  result.Remaining,
		ResetAfter: result.ResetAfter,
		RetryAfter: max(result.RetryAfter, 0), // redis_rate says -1 when allowed
	}, nil
}
