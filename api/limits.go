package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Requests a minute. A visitor's address and session get as much as the whole
// key: one office behind one address may legitimately use all of it, and the
// key's limit protects the tenant's bill. They are kept apart all the same, so
// that an abuser is refused before the key's allowance is touched.
const (
	chatFree       = 100
	chatPaid       = 1000
	widgetPerIP    = 600
	registerPerIP  = 60
	loginPerIP     = 100
	loginPerPair   = 10  // for one account from one address
	loginPerTarget = 100 // for one account from anywhere: slows a botnet without locking its owner out
)

// retryAfterOutage is what callers are told when a dependency is down.
const retryAfterOutage = 2 * time.Second

func chatLimit(tier chatconnect.Tier) int {
	if tier == chatconnect.TierPaid {
		return chatPaid
	}
	return chatFree
}

// limits asks the shared limiter and falls back to one of this process alone
// while that is down: an outage must neither stop chats nor open the gates.
type limits struct {
	shared chatconnect.RateLimiter
	local  *localLimiter
	logger *slog.Logger

	mu        sync.Mutex
	downUntil time.Time
}

const (
	limiterTimeout = 250 * time.Millisecond
	limiterPause   = time.Second // between attempts while the shared limiter is down
)

func newLimits(shared chatconnect.RateLimiter, logger *slog.Logger) *limits {
	return &limits{shared: shared, local: newLocalLimiter(time.Now), logger: logger}
}

func (l *limits) allow(ctx context.Context, key string, perMinute int) chatconnect.RateDecision {
	l.mu.Lock()
	down := time.Now().Before(l.downUntil)
	l.mu.Unlock()
	if !down {
		limited, cancel := context.WithTimeout(ctx, limiterTimeout)
		decision, err := l.shared.Allow(limited, key, perMinute)
		cancel()
		if err == nil {
			return decision
		}
		if ctx.Err() == nil {
			l.logger.WarnContext(ctx, "rate limiter is down, limiting by this process alone", "error", err)
			l.mu.Lock()
			l.downUntil = time.Now().Add(limiterPause)
			l.mu.Unlock()
		}
	}
	return l.local.allow(key, perMinute)
}

// throttle counts one request under key and refuses it when there were too
// many.
func (s *Server) throttle(c *gin.Context, key string, perMinute int) error {
	return refuse(c, s.limits.allow(c.Request.Context(), key, perMinute))
}

// throttleLogin slows guessing: from one address, at one account, and the two
// together.
func (s *Server) throttleLogin(c *gin.Context, email string) error {
	account := hashKey(email)
	for _, limit := range []struct {
		key       string
		perMinute int
	}{
		{"login:ip:" + visitorIP(c), loginPerIP},
		{"login:pair:" + visitorIP(c) + ":" + account, loginPerPair},
		{"login:account:" + account, loginPerTarget},
	} {
		if err := s.throttle(c, limit.key, limit.perMinute); err != nil {
			return err
		}
	}
	return nil
}

// throttleChat counts a question against the visitor's address and session,
// and only if those allow it against the key. The answer's RateLimit fields
// speak of whichever is nearest to its end. A secret key's address is the
// tenant's own server, which speaks for many visitors, so it doesn't count.
func (s *Server) throttleChat(c *gin.Context, owner chatconnect.KeyOwner, session chatconnect.SessionID) error {
	ctx := c.Request.Context()
	prefix, limit := string(owner.ClientID)+":chat:", chatLimit(owner.Tier)
	keys := []string{prefix + "session:" + string(session)}
	if owner.Kind == chatconnect.KeyPublishable {
		keys = append(keys, prefix+"ip:"+visitorIP(c))
	}
	decisions := make([]chatconnect.RateDecision, len(keys))
	var wg sync.WaitGroup
	for i, key := range keys {
		wg.Go(func() { decisions[i] = s.limits.allow(ctx, key, limit) })
	}
	wg.Wait()
	nearest := decisions[0]
	for _, d := range decisions[1:] {
		nearest = nearer(nearest, d)
	}
	if nearest.Allowed {
		nearest = nearer(nearest, s.limits.allow(ctx, prefix+"key:"+string(owner.KeyID), limit))
	}
	return refuse(c, nearest)
}

// visitorIP is the address that limits go by. Whoever has one IPv6 address has
// its whole /64.
func visitorIP(c *gin.Context) string {
	ip, err := netip.ParseAddr(c.ClientIP())
	if err != nil {
		return "unknown"
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		if prefix, err := ip.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return ip.String()
}

// hashKey keeps what people typed out of Redis.
func hashKey(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

func nearer(a, b chatconnect.RateDecision) chatconnect.RateDecision {
	switch {
	case a.Allowed != b.Allowed:
		if a.Allowed {
			return b
		}
		return a
	case !a.Allowed && b.RetryAfter > a.RetryAfter, a.Allowed && b.Remaining < a.Remaining:
		return b
	}
	return a
}

// refuse writes the RateLimit fields (draft-ietf-httpapi-ratelimit-headers-07,
// the form with three fields) and returns the error of a refusal.
func refuse(c *gin.Context, d chatconnect.RateDecision) error {
	c.Header("RateLimit-Limit", strconv.Itoa(d.Limit))
	c.Header("RateLimit-Remaining", strconv.Itoa(max(0, d.Remaining)))
	c.Header("RateLimit-Reset", strconv.Itoa(int(math.Ceil(d.ResetAfter.Seconds()))))
	if d.Allowed {
		return nil
	}
	return &chatconnect.Error{
		Kind: chatconnect.KindRateLimited, Code: "rate_limited", RetryAfter: max(d.RetryAfter, time.Second),
		Message: "Too many requests. Please wait a moment and try again.",
	}
}

// localLimiter is GCRA in memory: each key keeps its theoretical arrival time.
// See ITU-T I.371, Annex A.
type localLimiter struct {
	now func() time.Time

	mu      sync.Mutex
	arrival map[string]time.Time
}

// localKeys bounds the limiter's memory; beyond it, it starts afresh rather
// than refuse strangers.
const localKeys = 50_000

func newLocalLimiter(now func() time.Time) *localLimiter {
	return &localLimiter{now: now, arrival: map[string]time.Time{}}
}

func (l *localLimiter) allow(key string, perMinute int) chatconnect.RateDecision {
	now, interval := l.now(), time.Minute/time.Duration(perMinute)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.arrival) >= localKeys {
		for k, t := range l.arrival {
			if t.Before(now) {
				delete(l.arrival, k)
			}
		}
		if len(l.arrival) >= localKeys {
			clear(l.arrival)
		}
	}
	arrival := l.arrival[key]
	if arrival.Before(now) {
		arrival = now
	}
	next := arrival.Add(interval)
	if wait := next.Add(-time.Minute).Sub(now); wait > 0 {
		return chatconnect.RateDecision{Limit: perMinute, ResetAfter: arrival.Sub(now), RetryAfter: wait}
	}
	l.arrival[key] = next
	return chatconnect.RateDecision{
		Allowed: true, Limit: perMinute, ResetAfter: next.Sub(now),
		Remaining: int((time.Minute - next.Sub(now)) / interval),
	}
}
