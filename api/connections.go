package api

import (
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/connlimit"
)

// defaultPerAddress is how many requests of one address may be under way.
const defaultPerAddress = 256

// maxIgnoredBody is how much is read of a body that means nothing.
const maxIgnoredBody = 64 << 10

// Handler serves every endpoint but /metrics, which has a port of its own. No
// peer holds a connection for ever: every body and every write has a deadline.
func (s *Server) Handler() http.Handler {
	return connlimit.Bound(s.router, func() connlimit.Timeouts {
		return connlimit.Timeouts{Body: s.timing.body, Write: s.timing.write}
	})
}

func tooManyConnections(kind chatconnect.Kind, message string) error {
	return &chatconnect.Error{Kind: kind, Code: "too_many_connections", Message: message, RetryAfter: 5 * time.Second}
}

// admitRequest bounds how many requests of one address are under way, streams
// and WebSockets included. Behind a trusted proxy all connections are the
// proxy's, so only this limit tells visitors apart. When the process has all
// the connections it may have, only probes are answered.
func (s *Server) admitRequest(c *gin.Context) {
	if connlimit.OnReserve(c.Request.Context()) {
		c.Header("Connection", "close")
		if path := c.FullPath(); path != "/livez" && path != "/readyz" {
			s.fail(c, tooManyConnections(chatconnect.KindUnavailable, "The server has too many connections. Please try again in a moment."))
			return
		}
	}
	if address, err := netip.ParseAddr(c.ClientIP()); err == nil {
		release, taken := s.underWay.Take(address)
		if !taken {
			c.Header("Connection", "close") // answers before the body is there
			s.Metrics.ConnectionRefused("requests")
			s.fail(c, tooManyConnections(chatconnect.KindRateLimited, "Too many requests of this address are under way. Please try again in a moment."))
			return
		}
		defer release()
	}
	c.Next()
}

// dropBody reads the body of a request whose method gives it no meaning:
// otherwise a stream or a WebSocket would begin with a body under way.
func (s *Server) dropBody(c *gin.Context) {
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		return
	}
	if c.Request.ContentLength == 0 {
		return
	}
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(c.Writer, c.Request.Body, maxIgnoredBody)); err != nil {
		s.fail(c, bodyError(err))
	}
}
