package api

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"

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
	registerPerIP  = 120
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

// throttle counts one request under key and refuses it when there were too
// many.
func (s *Server) throttle(c *gin.Context, key string, perMinute int) error {
	decision, err := s.Limiter.Allow(c.Request.Context(), key, perMinute)
	if err != nil {
		return limiterDown(err)
	}
	return refuse(c, decision)
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
	prefix, limit := string(owner.ClientID)+":chat:", chatLimit(owner.Tier)
	keys := []string{prefix + "session:" + string(session)}
	if owner.Kind == chatconnect.KeyPublishable {
		keys = append(keys, prefix+"ip:"+visitorIP(c))
	}
	decisions := make([]chatconnect.RateDecision, len(keys))
	group, ctx := errgroup.WithContext(c.Request.Context())
	for i, key := range keys {
		group.Go(func() (err error) {
			decisions[i], err = s.Limiter.Allow(ctx, key, limit)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return limiterDown(err)
	}
	nearest := decisions[0]
	for _, d := range decisions[1:] {
		nearest = nearer(nearest, d)
	}
	if nearest.Allowed {
		d, err := s.Limiter.Allow(c.Request.Context(), prefix+"key:"+string(owner.KeyID), limit)
		if err != nil {
			return limiterDown(err)
		}
		nearest = nearer(nearest, d)
	}
	return refuse(c, nearest)
}

// limiterDown refuses rather than opens the gates. Limiters outlive Redis by
// deciding alone, so this is rare.
func limiterDown(err error) error {
	return unavailable("limits_unavailable", "The service is not available at this moment. Please try again.", err)
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
