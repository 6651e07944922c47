package api

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Requests a minute. A key's allowance is all visitors' together, and anybody
// can copy a publishable key out of a web page. So one visitor, that is one
// session or one address, gets a fifth of it: five times what a person asks,
// and too little to shut the others out. Limits count together or not at all,
// hence what a visitor is refused costs the key nothing.
const (
	chatFree      = 100
	chatPaid      = 1000
	clientShare   = 2 // so many keys' allowances all keys of a client have together
	accountShare  = 5 // and all clients that one account owns
	visitorShare  = 5 // of a key's allowance one visitor gets one part in so many
	widgetPerIP   = 600
	registerPerIP = 120
)

// retryAfterOutage is what callers are told when a dependency is down.
const retryAfterOutage = 2 * time.Second

func chatLimit(tier chatconnect.Tier) int {
	if tier == chatconnect.TierPaid {
		return chatPaid
	}
	return chatFree
}

func visitorLimit(tier chatconnect.Tier) int { return chatLimit(tier) / visitorShare }

// streamsPerSession is how many streams of one session may be open at once.
// One is being read; the others are those of broken connections that have not
// been noticed yet, and of further tabs.
const streamsPerSession = 4

// throttle counts one request against all limits and refuses it when one of
// them says so. Without limits it has been counted.
func (s *Server) throttle(c *gin.Context, limits ...chatconnect.RateLimit) error {
	if len(limits) == 0 {
		return nil
	}
	decision, err := s.Limiter.Allow(c.Request.Context(), limits...)
	if err != nil {
		return limiterDown(err)
	}
	return refuse(c, decision)
}

// sharedLimits are those beyond a key: neither more keys nor more clients
// multiply what an account may ask. Clients of each tier are counted by
// themselves.
func sharedLimits(owner chatconnect.KeyOwner, what string) []chatconnect.RateLimit {
	limit := chatLimit(owner.Tier)
	limits := []chatconnect.RateLimit{{Key: string(owner.ClientID) + ":" + what + ":client", PerMinute: clientShare * limit}}
	if owner.AccountID != "" {
		limits = append(limits, chatconnect.RateLimit{
			Key: "account:" + string(owner.AccountID) + ":" + what + ":" + string(owner.Tier), PerMinute: accountShare * limit,
		})
	}
	return limits
}

// chatLimits are what a question counts against: the visitor's session and
// address, the key, the client and its account. The answer's RateLimit fields speak of whichever is
// nearest to its end. A secret key's address is the tenant's own server, which
// speaks for many visitors, so it doesn't count. A session that begins with
// the question has asked nothing yet; that it begins counts in its place.
func (s *Server) chatLimits(c *gin.Context, session chatconnect.SessionID, begins bool) []chatconnect.RateLimit {
	owner := keyOwner(c)
	prefix, visitor := string(owner.ClientID)+":chat:", visitorLimit(owner.Tier)
	limits := []chatconnect.RateLimit{{Key: prefix + "key:" + string(owner.KeyID), PerMinute: chatLimit(owner.Tier)}}
	limits = append(limits, sharedLimits(owner, "chat")...)
	if begins {
		limits = append(limits, s.beginLimits(c)...)
	} else {
		limits = append(limits, chatconnect.RateLimit{Key: prefix + "session:" + string(session), PerMinute: visitor})
	}
	if owner.Kind == chatconnect.KeyPublishable {
		limits = append(limits, s.addressLimits(c, prefix, visitor)...)
	}
	return limits
}

// beginLimits are for beginning a session: as many a minute as an address may
// ask questions, or as a server may with its key.
func (s *Server) beginLimits(c *gin.Context) []chatconnect.RateLimit {
	owner := keyOwner(c)
	prefix := string(owner.ClientID) + ":begin:"
	if owner.Kind == chatconnect.KeyPublishable {
		return s.addressLimits(c, prefix, visitorLimit(owner.Tier))
	}
	return []chatconnect.RateLimit{{Key: prefix + "key:" + string(owner.KeyID), PerMinute: chatLimit(owner.Tier)}}
}

// visitLimits are for what a visitor does besides asking, apart from the
// questions: a bad connection must not use up what may be asked. The key has no
// part in them.
func (s *Server) visitLimits(c *gin.Context, what string, session chatconnect.SessionID) []chatconnect.RateLimit {
	owner := keyOwner(c)
	prefix, limit := string(owner.ClientID)+":"+what+":", chatLimit(owner.Tier)
	limits := []chatconnect.RateLimit{{Key: prefix + "session:" + string(session), PerMinute: limit}}
	if owner.Kind == chatconnect.KeyPublishable {
		limits = append(limits, s.addressLimits(c, prefix, limit)...)
	}
	return limits
}

// throttleVisit counts a request about what was said.
func (s *Server) throttleVisit(c *gin.Context, session chatconnect.SessionID) error {
	return s.throttle(c, s.visitLimits(c, "visit", session)...)
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
