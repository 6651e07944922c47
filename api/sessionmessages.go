package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// sessionMessagesMax is how many of a session's latest messages a visitor is
// shown again.
const sessionMessagesMax = 50

// sessionMessage is an exchange as its visitor may see it: not what it cost,
// nor what the page sent along.
type sessionMessage struct {
	MessageID chatconnect.MessageID  `json:"messageId"`
	Question  string                 `json:"question"`
	Answer    string                 `json:"answer"`
	Sources   []chatconnect.Source   `json:"sources"`
	Status    chatconnect.ChatStatus `json:"status"`
	Rating    chatconnect.Rating     `json:"rating"`
	AskedAt   time.Time              `json:"askedAt"`
}

// getSessionMessages shows a visitor who comes back what was said. An answer
// that is still being written isn't among it.
func (s *Server) getSessionMessages(c *gin.Context) {
	owner := keyOwner(c)
	session, err := s.authorizeSession(c, c.Param("sessionId"))
	if err == nil {
		err = s.throttleVisit(c, session)
	}
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	exchanges, err := s.Conversations.Exchanges(c.Request.Context(), owner.ClientID, session, sessionMessagesMax)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	messages := make([]sessionMessage, len(exchanges))
	for i, e := range exchanges {
		messages[i] = sessionMessage{
			MessageID: e.MessageID, Question: e.Question, Answer: e.Answer, Sources: notNil(e.Sources),
			Status: e.Status, Rating: e.Rating, AskedAt: e.AskedAt,
		}
	}
	c.JSON(http.StatusOK, gin.H{"messages": messages})
}
