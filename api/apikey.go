package api

import (
	"strings"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

const (
	headerAPIKey = "X-Api-Key"
	contextOwner = "keyOwner"
)

var errOriginNotAllowed = chatconnect.Errorf(chatconnect.KindForbidden, "origin_not_allowed",
	"This website may not use the widget. Its owner can add it to the allowed domains.")

// requireKey lets bearers of a valid key pass, publishable ones only from the
// client's allowed domains and from our own pages: a tenant tries his chat in
// the dashboard, whatever sites he allows.
func (s *Server) requireKey(c *gin.Context) {
	origin, token := c.GetHeader("Origin"), c.GetHeader(headerAPIKey)
	var owner chatconnect.KeyOwner
	err := error(chatconnect.ErrAPIKeyInvalid)
	if wellFormed(token) {
		owner, err = s.keys.owner(c.Request.Context(), token, s.addressLimits(c, "", wrongKeysPerIP))
	}
	if err != nil {
		if kind := chatconnect.AsError(err).Kind; kind == chatconnect.KindUnauthenticated || kind == chatconnect.KindRateLimited {
			// So that a page's author sees "wrong key" rather than a CORS error.
			allowOrigin(c, origin)
		}
		s.refuseChat(c, err)
		return
	}
	c.Request = c.Request.WithContext(telemetry.WithClientID(c.Request.Context(), owner.ClientID))
	c.Set(contextOwner, owner)
	if owner.Kind == chatconnect.KeyPublishable {
		if !ownPage(c.Request, origin) && !originAllowed(origin, owner.AllowedDomains) {
			s.refuseChat(c, errOriginNotAllowed)
			return
		}
		allowOrigin(c, origin)
	}
}

func keyOwner(c *gin.Context) chatconnect.KeyOwner {
	v, _ := c.Get(contextOwner)
	owner, _ := v.(chatconnect.KeyOwner)
	return owner
}

// refuseChat is fail for requests that carry a key: those about chats are
// counted by why they were turned away.
func (s *Server) refuseChat(c *gin.Context, err error) {
	if strings.HasPrefix(c.FullPath(), "/chat") {
		owner := keyOwner(c)
		s.Metrics.ChatRefused(owner.ClientID, owner.Tier, chatconnect.AsError(err).Code)
	}
	s.fail(c, err)
}
