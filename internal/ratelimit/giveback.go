package ratelimit

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
)

//go:embed giveback.lua
var giveBackSource string

var giveBackScript = redis.NewScript(giveBackSource)

// GiveBack implements chatconnect.RateLimiter.
func (l *Limiter) GiveBack(ctx context.Context, limits ...chatconnect.RateLimit) {
	if len(limits) == 0 {
		return
	}
	now := l.now()
	l.local.giveBack(limits, now)
	if !l.redisIsUp(now) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	keys, args := make([]string, len(limits)), make([]any, len(limits))
	for i, limit := range limits {
		keys[i], args[i] = keyPrefix+limit.Key, limit.PerMinute
	}
	if err := giveBackScript.Run(ctx, l.o.Redis, keys, args...).Err(); err != nil {
		l.o.Logger.WarnContext(ctx, "limits: a request was not given back", "error", err)
	}
}

func (l *local) giveBack(limits []chatconnect.RateLimit, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, limit := range limits {
		at, found := l.arrivals.Peek(limit.Key)
		if !found {
			continue
		}
		if at = at.Add(-max(time.Minute/time.Duration(limit.PerMinute), 1)); at.After(now) {
			l.arrivals.Add(limit.Key, at)
		} else {
			l.arrivals.Remove(limit.Key)
		}
	}
}
