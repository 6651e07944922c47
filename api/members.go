package api

import (
	"context"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

// memberOf returns the client named by id and the user's role in it. To
// others it doesn't exist.
func (s *Server) memberOf(c *gin.Context, id string) (chatconnect.ClientID, chatconnect.Role, error) {
	if id == "" {
		return "", "", chatconnect.Errorf(chatconnect.KindInvalid, "client_id_missing", "Say which client: clientId is missing.")
	}
	if !chatconnect.ValidUUID(id) {
		return "", "", chatconnect.ErrNotFound
	}
	client := chatconnect.ClientID(id)
	role, err := s.Users.Role(c.Request.Context(), client, userID(c))
	if err != nil {
		return "", "", err
	}
	c.Request = c.Request.WithContext(telemetry.WithClientID(c.Request.Context(), client))
	return client, role, nil
}

// writerOf is memberOf for those who may change things.
func (s *Server) writerOf(c *gin.Context, id string) (chatconnect.ClientID, chatconnect.Role, error) {
	client, role, err := s.memberOf(c, id)
	if err == nil && !role.CanWrite() {
		err = chatconnect.ErrForbidden
	}
	return client, role, err
}

// audit records what was done. The deed is done: a failure to record it is
// logged with all it says, and not the caller's problem.
func (s *Server) audit(c *gin.Context, client chatconnect.ClientID, action, target string, details map[string]any) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), s.timing.dependency)
	defer cancel()
	err := s.Clients.Audit(ctx, chatconnect.AuditEvent{
		ClientID: client, UserID: userID(c), Action: action, Target: target, Details: details,
	})
	if err != nil {
		s.Logger.ErrorContext(ctx, "audit", "action", action, "target", target, "details", details, "user", userID(c), "error", err)
	}
}
