package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// postInvitation makes an invitation for an address, and mails it where mails
// are set up. Repeated, it makes another one: the first link may be lost.
func (s *Server) postInvitation(c *gin.Context) {
	ctx := c.Request.Context()
	var in struct {
		Email string `json:"email"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	email, err := ValidEmail(in.Email)
	if err != nil {
		s.fail(c, err)
		return
	}
	if s.Registration == chatconnect.RegistrationClosed {
		s.fail(c, chatconnect.Errorf(chatconnect.KindConflict, "registration_closed", "REGISTRATION is closed: no invitation would be accepted."))
		return
	}
	token, hash := chatconnect.NewAccountToken()
	expires := time.Now().UTC().Add(chatconnect.InvitationLifetime)
	if _, err := s.Accounts.CreateAccountToken(ctx, chatconnect.AccountToken{
		Purpose: chatconnect.PurposeInvitation, Email: email, ExpiresAt: expires,
	}, hash, 0); err != nil {
		s.fail(c, err)
		return
	}
	link := chatconnect.AccountLink(s.PublicURL, chatconnect.PurposeInvitation, token, email)
	if s.VerifyEmail {
		if err := s.sendMail(ctx, &temporal.MailInput{ID: newID(), Kind: temporal.MailInvitation, To: email, Link: link, Dashboard: s.PublicURL}); err != nil {
			s.fail(c, err)
			return
		}
	}
	c.JSON(http.StatusCreated, gin.H{"email": email, "link": link, "expires_at": expires, "mailed": s.VerifyEmail})
}
