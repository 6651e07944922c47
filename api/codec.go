package api

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// maxCodecBody holds the payloads of a page of history: an event has at most
// 2 MB of them.
const maxCodecBody = 16 << 20

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
