package api

import (
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

type feedbackRequest struct {
	onlySession
	Rating  chatconnect.Rating `json:"rating"`
	Comment string             `json:"comment"`
}

// postFeedback keeps what a visitor thinks of an answer, in place of what he
// said before. He may say it before the answer has been logged.
func (s *Server) postFeedback(c *gin.Context) {
	var in feedbackRequest
	ref, err := s.namedMessage(c, &in)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	feedback := chatconnect.Feedback{SessionID: ref.SessionID, MessageID: ref.MessageID, Rating: in.Rating, Comment: cleanText(in.Comment)}
	if err := validFeedback(feedback); err != nil {
		s.refuseChat(c, err)
		return
	}
	ctx := c.Request.Context()
	err = s.Conversations.SaveFeedback(ctx, ref.ClientID, feedback, false)
	if errors.Is(err, chatconnect.ErrNotFound) {
		if err = s.requireAnswer(ctx, ref); err == nil {
			err = s.Conversations.SaveFeedback(ctx, ref.ClientID, feedback, true)
		}
	}
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	c.Status(http.StatusNoContent)
}

func validFeedback(f chatconnect.Feedback) error {
	if !f.Rating.Valid() {
		return chatconnect.Errorf(chatconnect.KindInvalid, "rating_invalid", "A rating is up, down or none.")
	}
	if n := utf8.RuneCountInString(f.Comment); n > chatconnect.MaxCommentRunes {
		return chatconnect.Errorf(chatconnect.KindInvalid, "comment_too_long", "The comment has %d characters; at most %d are accepted.", n, chatconnect.MaxCommentRunes)
	}
	return nil
}
