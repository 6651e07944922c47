package api

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	headerSessionID    = "X-Session-Id"
	headerSessionToken = "X-Session-Token"

	// sessionTokenLabel sets this key apart from all others that are derived
	// from SESSION_SECRET.
	sessionTokenLabel = "chatconnect chat session token v1"
	// minSessionSecret is the length of the hash.
	minSessionSecret = sha256.Size
)

var errSessionToken = chatconnect.Errorf(chatconnect.KindUnauthenticated, "session_token_invalid",
	"This conversation needs its X-Session-Token, as POST /chat/sessions gives it out.")

// sessionTokens binds a visitor's session to its client and to whoever was
// given its token. Nothing is stored: the token is a function of both ids and
// of the installation's secret, so every API process knows every token.
type sessionTokens struct{ key []byte }

func newSessionTokens(secret []byte) (sessionTokens, error) {
	if len(secret) < minSessionSecret {
		return sessionTokens{}, fmt.Errorf("api: Options.SessionSecret has %d bytes, it needs at least %d", len(secret), minSessionSecret)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, sessionTokenLabel, sha256.Size)
	return sessionTokens{key: key}, err
}

// of returns base64url(HMAC-SHA256(key, client + NUL + session)). Neither id
// can hold a NUL, so no two pairs share one.
func (t sessionTokens) of(client chatconnect.ClientID, session chatconnect.SessionID) string {
	return base64.RawURLEncoding.EncodeToString(t.mac(client, session))
}

func (t sessionTokens) mac(client chatconnect.ClientID, session chatconnect.SessionID) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(string(client) + "\x00" + string(session)))
	return mac.Sum(nil)
}

// valid compares in constant time.
func (t sessionTokens) valid(client chatconnect.ClientID, session chatconnect.SessionID, token string) bool {
	given, err := base64.RawURLEncoding.Strict().DecodeString(token)
	return err == nil && hmac.Equal(given, t.mac(client, session))
}

// newSessionID returns 128 random bits.
func newSessionID() chatconnect.SessionID {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return chatconnect.SessionID("s_" + base64.RawURLEncoding.EncodeToString(random[:]))
}

// authorizeSession admits the bearer of a key to the session that a request
// names. With a publishable key, which anybody can read in a web page, that
// takes the session's token; a server's secret key speaks for all visitors.
func (s *Server) authorizeSession(c *gin.Context, session string) (chatconnect.SessionID, error) {
	if !chatconnect.ValidVisitorID(session) {
		return "", invalidVisitorID("session_id_invalid", "sessionId")
	}
	owner, id := keyOwner(c), chatconnect.SessionID(session)
	if owner.Kind != chatconnect.KeySecret && !s.sessionTokens.valid(owner.ClientID, id, c.GetHeader(headerSessionToken)) {
		return "", errSessionToken
	}
	return id, nil
}

// beginSession makes a session and tells its id and token in the response's
// headers.
func (s *Server) beginSession(c *gin.Context) (session chatconnect.SessionID, token string) {
	session = newSessionID()
	token = s.sessionTokens.of(keyOwner(c).ClientID, session)
	c.Header(headerSessionID, string(session))
	c.Header(headerSessionToken, token)
	return session, token
}

// postSession begins a conversation. It costs no more than the arithmetic, and
// nothing is kept until somebody asks; yet a script that begins one for each
// question gains nothing by it.
func (s *Server) postSession(c *gin.Context) {
	if err := s.throttle(c, s.beginLimits(c)...); err != nil {
		s.refuseChat(c, err)
		return
	}
	session, token := s.beginSession(c)
	c.JSON(http.StatusCreated, gin.H{"sessionId": session, "sessionToken": token})
}
