package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/password"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	// registerMailsPerIP is how many registrations a minute an address may cause
	// mails with.
	registerMailsPerIP = 10
	// verificationsPerHour is how many mails registrations may send to one
	// address, counted over all callers, so that nobody can be flooded.
	verificationsPerHour = 5
)

// getRegistration tells the login page which accounts can be made.
func (s *Server) getRegistration(c *gin.Context) {
	first := false
	if s.Registration == chatconnect.RegistrationClosed {
		taken, err := s.Accounts.HasUsers(c.Request.Context())
		if err != nil {
			s.fail(c, err)
			return
		}
		first = !taken
	}
	c.JSON(http.StatusOK, gin.H{"mode": s.Registration, "firstAccount": first, "verification": s.VerifyEmail})
}

type registerRequest struct {
	Email      string `json:"email"`
	Password   string `json:"password"`
	Name       string `json:"name"`
	Invitation string `json:"invitation"`
}

// readRegistration validates everything that does not depend on who has an account.
func readRegistration(c *gin.Context) (in registerRequest, err error) {
	if err := decodeJSON(c, maxBody, &in); err != nil {
		return in, err
	}
	if in.Email, err = ValidEmail(in.Email); err != nil {
		return in, err
	}
	if in.Name, err = validName(in.Name); err != nil {
		return in, err
	}
	return in, password.Check(in.Password, in.Email, in.Name)
}

func (s *Server) postRegister(c *gin.Context) {
	ctx := c.Request.Context()
	if err := s.throttle(c, s.addressLimits(c, "register:", registerPerIP)...); err != nil {
		s.fail(c, err)
		return
	}
	if err := s.mayRegister(ctx); err != nil {
		s.fail(c, err)
		return
	}
	in, err := readRegistration(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	if in.Invitation == "" {
		if s.Registration == chatconnect.RegistrationInvite {
			s.fail(c, chatconnect.ErrInvitationRequired)
			return
		}
		if s.VerifyEmail {
			s.registerByMail(c, in)
			return
		}
	}
	hash, err := s.passwords.hash(ctx, in.Password)
	if err != nil {
		s.fail(c, err)
		return
	}
	terms := s.terms()
	if in.Invitation != "" {
		terms.TokenHash = chatconnect.AccountTokenHash(in.Invitation)
	}
	user, err := s.Accounts.CreateUserWith(ctx, newUser(in.Email, in.Name), hash, terms)
	if err != nil {
		user, err = s.registered(c, in.Email, in.Password, err)
	}
	if errors.Is(err, chatconnect.ErrNotFound) {
		err = chatconnect.ErrInvitationInvalid
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	s.logIn(c, user, http.StatusCreated)
}

// mayRegister refuses early where nobody could, whatever they send. The store
// decides again, at once with making the account.
func (s *Server) mayRegister(ctx context.Context) error {
	if s.Registration != chatconnect.RegistrationClosed {
		return nil
	}
	taken, err := s.Accounts.HasUsers(ctx)
	if err == nil && taken {
		err = chatconnect.ErrRegistrationClosed
	}
	return err
}

func (s *Server) terms() chatconnect.AccountTerms {
	return chatconnect.AccountTerms{First: s.Registration == chatconnect.RegistrationClosed}
}

func newUser(email, name string) chatconnect.User {
	return chatconnect.User{ID: chatconnect.UserID(newID()), Email: email, Name: name, CreatedAt: time.Now().UTC()}
}

// registered handles a repeated registration, whose answer was lost or a 503
// for want of a session: the person knows the password of the account that is
// there. Guessing is limited as it is for a login. Otherwise refusal stands.
func (s *Server) registered(c *gin.Context, email, plain string, refusal error) (chatconnect.User, error) {
	if !errors.Is(refusal, chatconnect.ErrEmailTaken) && !errors.Is(refusal, chatconnect.ErrNotFound) && !errors.Is(refusal, chatconnect.ErrRegistrationClosed) {
		return chatconnect.User{}, refusal
	}
	user, err := s.authenticate(c, email, plain)
	if errors.Is(err, errWrongLogin) {
		err = refusal
	}
	return user, err
}

// registerByMail answers the same, in the same time, whether there is an
// account with this address or not: it never asks. The mail tells, and the
// worker looks which one it is to be.
func (s *Server) registerByMail(c *gin.Context, in registerRequest) {
	ctx := c.Request.Context()
	if err := s.throttle(c, s.addressLimits(c, "register:mail:", registerMailsPerIP)...); err != nil {
		s.fail(c, err)
		return
	}
	hash, err := s.passwords.hash(ctx, in.Password)
	if err != nil {
		s.fail(c, err)
		return
	}
	token, tokenHash := chatconnect.NewAccountToken()
	created, err := s.Accounts.CreateAccountToken(ctx, chatconnect.AccountToken{
		Purpose: chatconnect.PurposeVerification, Email: in.Email, Name: in.Name, PasswordHash: hash,
		ExpiresAt: time.Now().Add(chatconnect.VerificationLifetime),
	}, tokenHash, verificationsPerHour)
	if err == nil && created {
		err = s.sendMail(ctx, &temporal.MailInput{
			ID: newID(), Kind: temporal.MailRegistration, To: in.Email,
			Link:      chatconnect.AccountLink(s.PublicURL, chatconnect.PurposeVerification, token, in.Email),
			Dashboard: s.PublicURL,
		})
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	if !created {
		s.Logger.InfoContext(ctx, "no further mail to this address within the hour")
	}
	c.JSON(http.StatusAccepted, gin.H{"verification": "mailed"})
}

func (s *Server) sendMail(ctx context.Context, in *temporal.MailInput) error {
	ctx, cancel := context.WithTimeout(ctx, s.timing.startTimeout)
	defer cancel()
	if err := temporal.StartMail(ctx, s.Temporal, in); err != nil {
		return unavailable("mail_unavailable", "The mail can't be sent at this moment. Please try again.", err)
	}
	return nil
}

// postVerify makes the account that waited for its address to be confirmed. It
// asks for the password too: who gets a mail that somebody else asked for must
// not make an account for them by opening its link.
func (s *Server) postVerify(c *gin.Context) {
	ctx := c.Request.Context()
	var in struct {
		Token    string `json:"token"`
		Password string `json:"password"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	if err := s.throttle(c, s.addressLimits(c, "verify:", registerPerIP)...); err != nil {
		s.fail(c, err)
		return
	}
	user, err := s.verify(c, chatconnect.AccountTokenHash(in.Token), in.Password)
	if errors.Is(err, chatconnect.ErrNotFound) {
		err = chatconnect.ErrVerificationDead
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	s.Logger.InfoContext(ctx, "address confirmed", "user_id", user.ID)
	s.logIn(c, user, http.StatusCreated)
}

func (s *Server) verify(c *gin.Context, tokenHash []byte, plain string) (chatconnect.User, error) {
	ctx := c.Request.Context()
	waiting, err := s.Accounts.AccountToken(ctx, chatconnect.PurposeVerification, tokenHash)
	if err != nil {
		return chatconnect.User{}, err
	}
	if waiting.Used {
		return s.registered(c, waiting.Email, plain, chatconnect.ErrNotFound)
	}
	if s.Registration == chatconnect.RegistrationInvite {
		return chatconnect.User{}, chatconnect.ErrInvitationRequired // since the mail was sent
	}
	attempt, err := s.beginLogin(c, waiting.Email)
	if err != nil {
		return chatconnect.User{}, err
	}
	match, err := s.passwords.matches(ctx, plain, waiting.PasswordHash)
	if err == nil && !match {
		return chatconnect.User{}, errWrongPassword
	}
	attempt.giveBack(ctx)
	if err != nil {
		return chatconnect.User{}, err
	}
	terms := s.terms()
	terms.TokenHash = tokenHash
	user, err := s.Accounts.CreateUserWith(ctx, newUser(waiting.Email, waiting.Name), waiting.PasswordHash, terms)
	if err != nil {
		return s.registered(c, waiting.Email, plain, err)
	}
	return user, nil
}

var errWrongPassword = chatconnect.Errorf(chatconnect.KindUnauthenticated, "login_wrong", "This is not the password you registered with.")
