package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// headerInternalSecret carries INTERNAL_API_SECRET.
const headerInternalSecret = "X-Internal-Secret"

// wrongSecretsPerIP is how many wrong secrets an address may send in a minute.
// Guessing 32 characters is hopeless; this keeps a weak secret from being found
// all the same, and shows the attempt in the log.
const wrongSecretsPerIP = 20

// requireInternalSecret admits the operator's own services.
func (s *Server) requireInternalSecret(c *gin.Context) {
	s.admitSecret(c, c.GetHeader(headerInternalSecret), "X-Internal-Secret is missing or wrong.")
}

// requireOperator admits those who know the internal secret, as a bearer
// token: Temporal's tools can send an Authorization header and no other. A
// browser must come from the page of Temporal's UI too.
func (s *Server) requireOperator(c *gin.Context) {
	if origin := c.GetHeader("Origin"); origin != "" {
		if s.TemporalUIOrigin == "" || origin != s.TemporalUIOrigin {
			s.fail(c, chatconnect.Errorf(chatconnect.KindForbidden, "origin_not_allowed", "Only the page of Temporal's UI may ask this. See TEMPORAL_UI_ORIGIN."))
			return
		}
		c.Header("Access-Control-Allow-Origin", origin)
	}
	token, _ := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
	s.admitSecret(c, token, "Authorization: Bearer with the internal secret is missing or wrong.")
}

// admitSecret is the only place where the internal secret opens something. Who
// has guessed too often is refused whatever they send.
func (s *Server) admitSecret(c *gin.Context, offered, message string) {
	wrong := chatconnect.Errorf(chatconnect.KindUnauthenticated, "internal_secret_wrong", "%s", message)
	if offered == "" {
		s.fail(c, wrong)
		return
	}
	limits := s.addressLimits(c, "", wrongSecretsPerIP)
	wait := s.secretGuesses.wait(limits)
	if wait <= 0 {
		if s.isInternalSecret(offered) {
			return
		}
		wait = s.secretGuesses.count(limits)
	}
	if wait > 0 {
		s.fail(c, &chatconnect.Error{
			Kind: chatconnect.KindRateLimited, Code: "rate_limited", RetryAfter: max(wait, time.Second),
			Message: "Too many wrong secrets came from this address. Please wait a moment and try again.",
		})
		return
	}
	s.fail(c, wrong)
}

// isInternalSecret compares digests, so that neither content nor length of the
// secret shows in the time it takes.
func (s *Server) isInternalSecret(offered string) bool {
	want, got := sha256.Sum256([]byte(s.InternalAPISecret)), sha256.Sum256([]byte(offered))
	return s.InternalAPISecret != "" && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
