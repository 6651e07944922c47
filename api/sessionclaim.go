package api

import (
	"context"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	chatconnect "github.com/chatconnect/chatconnect"
)

// A caller may choose the id of a session that nobody has begun yet. The
// database knows whose it is then: see docs/adr/0016.
const (
	// claimRepeatable is how long the request that began a session gets its
	// token again: longer than anybody waits for an answer.
	claimRepeatable = 10 * time.Minute
	// serverSessionsSize is how many sessions of servers a process remembers.
	serverSessionsSize = 10_000
)

var errVisitorsSession = chatconnect.Errorf(chatconnect.KindConflict, "session_begun_by_visitor",
	"A visitor began this session with a publishable key. Choose another sessionId, or send its X-Session-Token to go on with it.")

// questionSession returns the session that a question names, and whether it
// has to be claimed. With its token, or with an id that the API gave out, it
// has not: those cost no round trip.
func (s *Server) questionSession(c *gin.Context, named string) (session chatconnect.SessionID, claim bool, err error) {
	owner := keyOwner(c)
	if owner.Kind == chatconnect.KeySecret {
		session, err = s.authorizeSession(c, named)
		proven := s.sessionTokens.valid(owner.ClientID, session, c.GetHeader(headerSessionToken))
		return session, err == nil && !proven && !issuedSessionID(session) && !s.serverSessions.has(owner.ClientID, session), err
	}
	session = chatconnect.SessionID(named)
	if c.GetHeader(headerSessionToken) == "" && chatconnect.ValidVisitorID(named) && !issuedSessionID(session) {
		return session, true, nil
	}
	session, err = s.authorizeSession(c, named)
	return session, false, err
}

// claimSession begins the session of a question for its caller, or finds that
// it is the caller's. A visitor is given its token.
func (s *Server) claimSession(c *gin.Context, q *accepted) error {
	owner := keyOwner(c)
	claim := chatconnect.SessionClaim{SessionID: q.SessionID}
	if owner.Kind != chatconnect.KeySecret {
		request, err := s.sessionTokens.request(q, s.visitorIP(c))
		if err != nil {
			return err
		}
		claim.Request, claim.Repeatable = request, claimRepeatable
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.timing.dependency)
	defer cancel()
	held, err := s.Conversations.ClaimSession(ctx, owner.ClientID, claim)
	switch {
	case err != nil:
		return err
	case claim.Request == nil && !held:
		return errVisitorsSession
	case claim.Request == nil:
		s.serverSessions.add(owner.ClientID, q.SessionID)
	case !held:
		return errSessionToken
	default:
		q.sessionToken = s.tellSession(c, q.SessionID)
	}
	return nil
}

// serverSessions are those that this process has claimed for servers, so that
// a conversation is claimed once and not with every question.
type serverSessions struct {
	mu     sync.Mutex
	recent *simplelru.LRU[serverSession, struct{}]
}

type serverSession struct {
	client  chatconnect.ClientID
	session chatconnect.SessionID
}

func newServerSessions() *serverSessions {
	return &serverSessions{recent: newRecent[serverSession, struct{}](serverSessionsSize)}
}

func (s *serverSessions) has(client chatconnect.ClientID, session chatconnect.SessionID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.recent.Get(serverSession{client, session})
	return found
}

func (s *serverSessions) add(client chatconnect.ClientID, session chatconnect.SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent.Add(serverSession{client, session}, struct{}{})
}
