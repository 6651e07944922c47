package api

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// maxCodecBody holds the payloads of a page of history: an event has at most
// 2 MB of them.
const maxCodecBody = 16 << 20

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
	want, got := sha256.Sum256([]byte(s.InternalAPISecret)), sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		s.fail(c, chatconnect.Errorf(chatconnect.KindUnauthenticated, "internal_secret_wrong", "Authorization: Bearer with the internal secret is missing or wrong."))
	}
}

// codecPreflight allows the page of Temporal's UI what it sends.
func (s *Server) codecPreflight(c *gin.Context) {
	h := c.Writer.Header()
	h.Add("Vary", "Origin")
	if origin := c.GetHeader("Origin"); origin != "" && origin == s.TemporalUIOrigin {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
		h.Set("Access-Control-Max-Age", corsMaxAge)
	}
	c.Status(http.StatusNoContent)
}

// postDecode makes workflow payloads readable for Temporal's UI and command
// line (temporal --codec-endpoint).
func (s *Server) postDecode(c *gin.Context) {
	c.Header("Vary", "Origin")
	s.takeSteadily(c, largeBodyTimeout)
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxCodecBody)
	out := &buffered{header: http.Header{}, status: http.StatusOK}
	s.Decoder.ServeHTTP(out, c.Request)
	if out.status != http.StatusOK {
		// Which key is missing is what an operator needs to know, in the log.
		s.Logger.WarnContext(c.Request.Context(), "payloads not decoded", "status", out.status, "reason", strings.TrimSpace(out.body.String()))
		s.fail(c, chatconnect.Errorf(chatconnect.KindInvalid, "payload_undecodable", "The payloads can't be decoded: they are damaged, or TEMPORAL_CODEC_KEY no longer holds their key."))
		return
	}
	c.Data(http.StatusOK, "application/json", out.body.Bytes())
}

// buffered keeps a response until it is known whether it succeeded.
type buffered struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffered) Header() http.Header         { return b.header }
func (b *buffered) WriteHeader(status int)      { b.status = status }
func (b *buffered) Write(p []byte) (int, error) { return b.body.Write(p) }
