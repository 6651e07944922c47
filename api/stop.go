package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/serviceerror"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

var errMessageUnknown = chatconnect.Errorf(chatconnect.KindNotFound, "message_unknown",
	"This message was never asked, or is too old. Ask it again with POST.")

// postStop ends an answer that is being written. The workflow ends it and logs
// the text so far, so it is stopped also if its worker dies at this moment;
// the signal only tells a worker that lives sooner than Temporal would. What
// has ended stays as it is.
func (s *Server) postStop(c *gin.Context) {
	ref, err := s.namedMessage(c, nil)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	if err := s.stopAnswer(c.Request.Context(), ref); err != nil {
		s.refuseChat(c, err)
		return
	}
	c.JSON(http.StatusAccepted, gin.H{})
}

func (s *Server) stopAnswer(ctx context.Context, ref chatconnect.MessageRef) error {
	// A visitor who leaves at this moment has still asked for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timing.startTimeout)
	defer cancel()
	id := temporal.ChatWorkflowID(ref)
	err := s.Temporal.CancelWorkflow(ctx, id, "")
	var absent *serviceerror.NotFound
	if errors.As(err, &absent) {
		// Also said of a workflow that has ended.
		return s.requireAnswer(ctx, ref)
	}
	if err != nil {
		return chatUnavailable(err)
	}
	if s.Stops != nil {
		if err := s.Stops.Stop(ctx, ref); err != nil {
			s.Logger.WarnContext(ctx, "stop not signalled; the worker hears of it with its heartbeat", "message_id", ref.MessageID, "error", err)
		}
	}
	return nil
}

// namedMessage reads the body of a request about the message in the path into
// body, which has its session in a member; it authorises the session and
// counts the request. A nil body takes the sessionId alone.
func (s *Server) namedMessage(c *gin.Context, body sessionBody) (chatconnect.MessageRef, error) {
	if body == nil {
		body = &onlySession{}
	}
	owner, message := keyOwner(c), c.Param("messageId")
	if !chatconnect.ValidVisitorID(message) {
		return chatconnect.MessageRef{}, invalidVisitorID("message_id_invalid", "messageId")
	}
	if err := decodeJSON(c, maxChatBody, body); err != nil {
		return chatconnect.MessageRef{}, err
	}
	session, err := s.authorizeSession(c, body.session())
	if err != nil {
		return chatconnect.MessageRef{}, err
	}
	if err := s.throttleVisit(c, session); err != nil {
		return chatconnect.MessageRef{}, err
	}
	return chatconnect.MessageRef{ClientID: owner.ClientID, SessionID: session, MessageID: chatconnect.MessageID(message)}, nil
}

// sessionBody is a body that names a session.
type sessionBody interface{ session() string }

type onlySession struct {
	SessionID string `json:"sessionId"`
}

func (b *onlySession) session() string { return b.SessionID }
