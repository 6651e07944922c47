package ratelimit

import (
	"context"
	"crypto/rand"
	_ "embed"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
)

var _ chatconnect.PlaceLimiter = (*Limiter)(nil)

// placeLifetime is how long a place is kept without being renewed.
const placeLifetime = time.Minute

//go:embed take.lua
var takeSource string

//go:embed renew.lua
var renewSource string

var takeScript, renewScript = redis.NewScript(takeSource), redis.NewScript(renewSource)

// openPlaces counts the places that this process holds, which is all that
// there is to go by while Redis is away.
type openPlaces struct {
	mu    sync.Mutex
	byKey map[string]int
}

func (o *openPlaces) add(key string, n int) (held int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	held = o.byKey[key] + n
	if held == 0 {
		delete(o.byKey, key)
	} else {
		o.byKey[key] = held
	}
	return held
}

// Take implements chatconnect.PlaceLimiter. While Redis is away each process
// counts its own. The only error is that of ctx.
func (l *Limiter) Take(ctx context.Context, key string, places int) (chatconnect.Place, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	p := &place{limiter: l, key: keyPrefix + key, id: rand.Text()}
	// Counted first and given back if refused, so that simultaneous requests
	// see each other.
	held := l.places.add(p.key, 1)
	taken, err := l.take(ctx, p, places, held)
	if err != nil || !taken {
		l.places.add(p.key, -1)
		return nil, false, err
	}
	return p, true, nil
}

func (l *Limiter) take(ctx context.Context, p *place, places, held int) (bool, error) {
	now := l.now()
	if l.redisIsUp(now) {
		call, cancel := context.WithTimeout(ctx, l.o.Timeout)
		defer cancel()
		taken, err := takeScript.Run(call, l.o.Redis, []string{p.key}, p.id, places, placeLifetime.Milliseconds()).Bool()
		if err == nil {
			l.redisAnswered(ctx)
			return taken, nil
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		l.redisFailed(ctx, now, err)
	}
	l.o.OnFallback()
	return held <= places, nil
}

// place is one that this process holds.
type place struct {
	limiter *Limiter
	key, id string
	back    sync.Once
}

// Renew implements chatconnect.Place.
func (p *place) Renew(ctx context.Context) {
	l := p.limiter
	if !l.redisIsUp(l.now()) {
		return
	}
	call, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	if err := renewScript.Run(call, l.o.Redis, []string{p.key}, p.id, placeLifetime.Milliseconds()).Err(); err != nil && ctx.Err() == nil {
		l.redisFailed(ctx, l.now(), err)
	}
}

// GiveBack implements chatconnect.Place. It has no context, because it is
// called when the holder's has ended; without Redis the place ends by itself.
func (p *place) GiveBack() {
	p.back.Do(func() {
		p.limiter.places.add(p.key, -1)
		if !p.limiter.redisIsUp(p.limiter.now()) {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), p.limiter.o.Timeout)
		defer cancel()
		if err := p.limiter.o.Redis.ZRem(ctx, p.key, p.id).Err(); err != nil {
			p.limiter.redisFailed(ctx, p.limiter.now(), err)
		}
	})
}
