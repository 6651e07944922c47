package api

import (
	"context"
	"errors"
	"net/http"
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/password"
)

const (
	maxName  = 80  // code points, of a person or a client
	maxEmail = 254 // bytes, RFC 5321
)

var errWrongLogin = chatconnect.Errorf(chatconnect.KindUnauthenticated, "login_wrong", "The email address or the password is wrong.")

func (s *Server) postLogin(c *gin.Context) {
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	email := normalizeEmail(in.Email)
	user, err := s.authenticate(c, email, in.Password)
	if err != nil {
		s.fail(c, err)
		return
	}
	s.logIn(c, user, http.StatusOK)
}

// authenticate returns errWrongLogin for an account that there isn't, too, and
// takes as long. Failures are limited.
func (s *Server) authenticate(c *gin.Context, email, plain string) (chatconnect.User, error) {
	attempt, err := s.beginLogin(c, email)
	if err != nil {
		return chatconnect.User{}, err
	}
	if email == "" || len(email) > maxEmail || utf8.RuneCountInString(plain) > password.MaxLength {
		return chatconnect.User{}, errWrongLogin
	}
	user, err := s.checkPassword(c.Request.Context(), email, plain)
	if !errors.Is(err, errWrongLogin) {
		attempt.giveBack(c.Request.Context())
	}
	return user, err
}

func (s *Server) checkPassword(ctx context.Context, email, plain string) (chatconnect.User, error) {
	user, hash, err := s.Users.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, chatconnect.ErrNotFound) {
		return chatconnect.User{}, err
	}
	if err != nil {
		hash = ""
	}
	match, err := s.passwords.matches(ctx, plain, hash)
	if err == nil && !match {
		err = errWrongLogin
	}
	return user, err
}

// logIn gives the browser a new session; one it came with is ended, so that
// nobody can have planted it.
func (s *Server) logIn(c *gin.Context, user chatconnect.User, status int) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.timing.dependency)
	defer cancel()
	token, err := s.Sessions.Create(ctx, user.ID, s.SessionLifetime)
	if err != nil {
		s.fail(c, sessionsDown(err))
		return
	}
	if old, err := c.Cookie(s.cookieName(sessionCookie)); err == nil && old != "" {
		if err := s.Sessions.Delete(ctx, old); err != nil {
			s.Logger.WarnContext(ctx, "end previous session", "error", err)
		}
	}
	s.setSessionCookie(c, token, int(s.SessionLifetime.Seconds()))
	s.rememberDevice(c, user.Email)
	c.JSON(status, gin.H{"user": user})
}

func (s *Server) postLogout(c *gin.Context) {
	if token, err := c.Cookie(s.cookieName(sessionCookie)); err == nil && token != "" {
		ctx, cancel := context.WithTimeout(c.Request.Context(), s.timing.dependency)
		defer cancel()
		if err := s.Sessions.Delete(ctx, token); err != nil && !errors.Is(err, chatconnect.ErrUnauthenticated) {
			s.fail(c, sessionsDown(err))
			return
		}
	}
	s.setSessionCookie(c, "", -1)
	c.Status(http.StatusNoContent)
}

func (s *Server) getMe(c *gin.Context) {
	user, err := s.Users.User(c.Request.Context(), userID(c))
	if errors.Is(err, chatconnect.ErrNotFound) {
		err = chatconnect.ErrUnauthenticated // the account is gone, the session not yet
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{"user": user, "notice": s.Notice})
}

func (s *Server) setSessionCookie(c *gin.Context, token string, maxAge int) {
	s.setCookie(c, sessionCookie, token, maxAge)
}

func sessionsDown(err error) error {
	return unavailable("sessions_unavailable", "Logging in is not possible at this moment. Please try again.", err)
}

const contextUser = "user"

// requireUser lets only logged-in people pass.
func (s *Server) requireUser(c *gin.Context) {
	token, err := c.Cookie(s.cookieName(sessionCookie))
	if err != nil || token == "" || len(token) > 512 {
		s.fail(c, chatconnect.ErrUnauthenticated)
		return
	}
	user, err := s.sessionUser(c.Request.Context(), token)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Set(contextUser, user)
}

func (s *Server) sessionUser(ctx context.Context, token string) (chatconnect.UserID, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.dependency)
	defer cancel()
	user, err := s.Sessions.User(ctx, token)
	if err != nil {
		return "", sessionsDown(err)
	}
	return user, nil
}

func userID(c *gin.Context) chatconnect.UserID {
	id, _ := c.Get(contextUser)
	user, _ := id.(chatconnect.UserID)
	return user
}

// normalizeEmail is how addresses are compared: NFC, lower case, and the
// domain in its ASCII form. Strictly the local part may depend on case; no
// provider in use does, and people do not remember how they typed it.
func normalizeEmail(email string) string {
	email = strings.ToLower(norm.NFC.String(strings.TrimSpace(email)))
	local, domain, found := strings.Cut(email, "@")
	if !found {
		return email
	}
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = ascii
	}
	return local + "@" + domain
}

// ValidEmail returns an address in the form it is kept and compared in.
func ValidEmail(email string) (string, error) {
	invalid := chatconnect.Errorf(chatconnect.KindInvalid, "email_invalid", "This is not an email address.")
	if strings.ContainsFunc(email, isControl) {
		return "", invalid
	}
	email = normalizeEmail(email)
	if len(email) > maxEmail {
		return "", invalid
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email { // "Name <a@b.c>" is an address to mail, not to ParseAddress's caller
		return "", invalid
	}
	at := strings.LastIndexByte(email, '@')
	domain := email[at+1:]
	if at > 64 || (!strings.Contains(domain, ".") && domain != "localhost") {
		return "", invalid
	}
	if _, err := idna.Lookup.ToASCII(domain); err != nil {
		return "", invalid
	}
	return email, nil
}

// validName accepts 1 to 80 code points of one line.
func validName(name string) (string, error) {
	name = strings.Join(strings.Fields(cleanText(name)), " ")
	if n := utf8.RuneCountInString(name); n < 1 || n > maxName {
		return "", chatconnect.Errorf(chatconnect.KindInvalid, "name_invalid", "A name has 1 to %d characters.", maxName)
	}
	return name, nil
}
