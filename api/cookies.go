package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Cookies by their name without the prefix.
const sessionCookie = "cc_session"

// overHTTPS reports whether browsers reach us over https.
func (s *Server) overHTTPS() bool { return s.publicURL != nil && s.publicURL.Scheme == "https" }

// cookieName adds the prefix that makes browsers refuse a cookie of that name
// from another host or over plain http (RFC 6265bis, section 4.1.3.2).
func (s *Server) cookieName(name string) string {
	if s.overHTTPS() {
		return "__Host-" + name
	}
	return name
}

// setCookie keeps to what the prefix demands: Secure, Path=/ and no Domain.
func (s *Server) setCookie(c *gin.Context, name, value string, maxAge int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.overHTTPS(), SameSite: http.SameSiteLaxMode,
	})
}
