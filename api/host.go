package api

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/httphost"
)

// hstsHeader lasts a year. It leaves subdomains alone: they may be somebody
// else's.
const hstsHeader = "max-age=31536000"

// pinHost refuses requests for another host than this installation's. It stops
// pages that rebind their DNS name to this address, and whatever a cache or a
// link would make of a forged Host. X-Forwarded-Host is never read.
func (s *Server) pinHost(c *gin.Context) {
	if anyHost(c.FullPath()) || s.knownHost(c.Request.Host) {
		return
	}
	s.fail(c, withStatus(http.StatusMisdirectedRequest, chatconnect.Errorf(chatconnect.KindInvalid, "host_unknown",
		"This server does not answer for that host name. Its operator sets the right one with PUBLIC_URL.")))
}

func (s *Server) knownHost(host string) bool {
	if s.publicURL != nil {
		return httphost.Same(host, s.publicURL)
	}
	return !s.LocalHostsOnly || httphost.Local(host)
}

// anyHost reports whether a route answers for every host: probes, and what only
// the operator's secret opens. Both are called from inside, by service name or
// address, and neither is worth anything to a page.
func anyHost(route string) bool {
	switch route {
	case "/livez", "/readyz", "/health", "/process-document":
		return true
	}
	return strings.HasPrefix(route, "/internal/") || strings.HasPrefix(route, "/api/internal/") || strings.HasPrefix(route, "/temporal/")
}
