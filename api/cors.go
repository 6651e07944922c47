package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// What a widget on somebody's page needs to send and to read.
const (
	corsMethods = "GET, POST, OPTIONS"
	corsHeaders = "Content-Type, X-Api-Key, Last-Event-ID, X-Session-Token, X-Request-Id, Traceparent, If-None-Match"
	corsExpose  = "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, ETag, X-Session-Id, X-Session-Token, X-Message-Id"
	corsMaxAge  = "7200" // the most that Chromium honours
)

// varyOrigin keeps shared caches from giving one site the answer to another.
func (s *Server) varyOrigin(c *gin.Context) { c.Writer.Header().Add("Vary", "Origin") }

// preflight allows every origin: a preflight carries no key, so nothing is
// known about the tenant yet. The request itself is judged by requireKey.
func (s *Server) preflight(c *gin.Context) {
	h := c.Writer.Header()
	h.Add("Vary", "Access-Control-Request-Method")
	h.Add("Vary", "Access-Control-Request-Headers")
	if origin := c.GetHeader("Origin"); origin != "" {
		allowOrigin(c, origin)
		h.Set("Access-Control-Allow-Methods", corsMethods)
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", corsMaxAge)
	}
	h.Set("Allow", corsMethods)
	c.Status(http.StatusNoContent)
}

// allowOrigin lets the page read the response. Credentials are never allowed:
// the key in the header is the only one, so a cookie can't be abused here.
func allowOrigin(c *gin.Context, origin string) {
	if origin == "" {
		return
	}
	if origin == "null" {
		origin = "*" // naming "null" would speak for every sandboxed page; all may read this anyway
	}
	c.Header("Access-Control-Allow-Origin", origin)
	c.Header("Access-Control-Expose-Headers", corsExpose)
}
