package api

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"
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

// streamsPerSession is how many streams of one session may be open at once.
// One is being read; the others are those of broken connections that have not
// been noticed yet, and of further tabs.
const streamsPerSession = 4

// throttle counts one request against all limits and refuses it when one of
// them says so.
func (s *Server) throttle(c *gin.Context, limits ...chatconnect.RateLimit) error {
	decision, err := s.Limiter.Allow(c.Request.Context(), limits...)
	if err != nil {
		return limiterDown(err)
	}
	return refuse(c, decision)
}

// throttleLogin slows guessing: from one address, at one account, and the two
// together.
func (s *Server) throttleLogin(c *gin.Context, email string) error {
	account := hashKey(email)
	return s.throttle(c,
		chatconnect.RateLimit{Key: "login:ip:" + visitorIP(c), PerMinute: loginPerIP},
		chatconnect.RateLimit{Key: "login:pair:" + visitorIP(c) + ":" + account, PerMinute: loginPerPair},
		chatconnect.RateLimit{Key: "login:account:" + account, PerMinute: loginPerTarget})
}

// chatLimits are what a question counts against: the visitor's session and
// address, and the key. The answer's RateLimit fields speak of whichever is
// nearest to its end. A secret key's address is the tenant's own server, which
// speaks for many visitors, so it doesn't count.
func chatLimits(c *gin.Context, owner chatconnect.KeyOwner, session chatconnect.SessionID) []chatconnect.RateLimit {
	prefix, limit := string(owner.ClientID)+":chat:", chatLimit(owner.Tier)
	limits := []chatconnect.RateLimit{
		{Key: prefix + "session:" + string(session), PerMinute: limit},
		{Key: prefix + "key:" + string(owner.KeyID), PerMinute: limit},
	}
	if owner.Kind == chatconnect.KeyPublishable {
		limits = append(limits, chatconnect.RateLimit{Key: prefix + "ip:" + visitorIP(c), PerMinute: limit})
	}
	return limits
}

// visitLimits are for what a visitor does besides asking, apart from the
// questions: a bad connection must not use up what may be asked.
func visitLimits(c *gin.Context, owner chatconnect.KeyOwner, what string, session chatconnect.SessionID) []chatconnect.RateLimit {
	prefix, limit := string(owner.ClientID)+":"+what+":", chatLimit(owner.Tier)
	limits := []chatconnect.RateLimit{{Key: prefix + "session:" + string(session), PerMinute: limit}}
	if owner.Kind == chatconnect.KeyPublishable {
		limits = append(limits, chatconnect.RateLimit{Key: prefix + "ip:" + visitorIP(c), PerMinute: limit})
	}
	return limits
}

// throttleVisit counts a request about what was said.
func (s *Server) throttleVisit(c *gin.Context, session chatconnect.SessionID) error {
	return s.throttle(c, visitLimits(c, keyOwner(c), "visit", session)...)
}

// admitStream counts a request for a stream and takes one of its session's
// places, both at once: the model waits for no more than one round trip. The
// caller gives the place back.
func (s *Server) admitStream(c *gin.Context, session chatconnect.SessionID, limits []chatconnect.RateLimit) (chatconnect.Place, error) {
	type taking struct {
		place chatconnect.Place
		taken bool
		err   error
	}
	takes := make(chan taking, 1)
	ctx := c.Request.Context()
	go func() {
		var t taking
		t.place, t.taken, t.err = s.Places.Take(ctx, string(keyOwner(c).ClientID)+":streams:"+string(session), streamsPerSession)
		takes <- t
	}()
	err := s.throttle(c, limits...)
	t := <-takes
	switch {
	case err != nil:
	case t.err != nil:
		err = limiterDown(t.err)
	case !t.taken:
		err = errTooManyStreams
	}
	if err != nil {
		if t.taken {
			t.place.GiveBack()
		}
		return nil, err
	}
	return t.place, nil
}

var errTooManyStreams = &chatconnect.Error{
	Kind: chatconnect.KindRateLimited, Code: "too_many_streams", RetryAfter: 2 * time.Second,
	Message: "Too many answers of this conversation are being read at once. Close one, or try again in a moment.",
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
