package api

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	headerSessionID    = "X-Session-Id"
	headerSessionToken = "X-Session-Token"

	// sessionTokenLabel sets this key apart from all others that are derived
	// from SESSION_SECRET.
	sessionTokenLabel = "chatconnect chat session token v1"
	sessionClaimLabel = "chatconnect chat session claim v1"
	// minSessionSecret is the length of the hash.
	minSessionSecret = sha256.Size
)

var errSessionToken = chatconnect.Errorf(chatconnect.KindUnauthenticated, "session_token_invalid",
	"This conversation exists and needs its X-Session-Token, which the response that began it holds. Choose another sessionId to begin a new one.")

// sessionTokens binds a visitor's session to its client and to whoever was
// given its token. Nothing is stored: the token is a function of both ids and
// of the installation's secret, so every API process knows every token.
type sessionTokens struct {
	key   []byte
	claim []byte // key of request
}

func newSessionTokens(secret []byte) (sessionTokens, error) {
	if len(secret) < minSessionSecret {
		return sessionTokens{}, fmt.Errorf("api: Options.SessionSecret has %d bytes, it needs at least %d", len(secret), minSessionSecret)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, sessionTokenLabel, sha256.Size)
	if err != nil {
		return sessionTokens{}, err
	}
	claim, err := hkdf.Key(sha256.New, secret, nil, sessionClaimLabel, sha256.Size)
	return sessionTokens{key: key, claim: claim}, err
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

// request identifies a question by all that is in it and by where it comes
// from. It is keyed, so that the database's readers can't guess questions.
func (t sessionTokens) request(q *accepted, address string) ([]byte, error) {
	whole, err := json.Marshal([]any{q.ClientID, q.SessionID, q.MessageID, address, q.Text, q.Metadata})
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, t.claim)
	mac.Write(whole)
	return mac.Sum(nil), nil
}

// issuedPattern is the form of newSessionID. Ids of this form are the API's:
// nobody can begin a session that somebody else was given and has not used yet.
var issuedPattern = regexp.MustCompile(`^s_[A-Za-z0-9_-]{22}$`)

func issuedSessionID(id chatconnect.SessionID) bool { return issuedPattern.MatchString(string(id)) }

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

// beginSession makes a session and tells its id and token.
func (s *Server) beginSession(c *gin.Context) (session chatconnect.SessionID, token string) {
	session = newSessionID()
	return session, s.tellSession(c, session)
}

// tellSession writes a session's id and token into the response's headers.
func (s *Server) tellSession(c *gin.Context, session chatconnect.SessionID) (token string) {
	token = s.sessionTokens.of(keyOwner(c).ClientID, session)
	c.Header(headerSessionID, string(session))
	c.Header(headerSessionToken, token)
	return token
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
