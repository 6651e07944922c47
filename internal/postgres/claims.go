package postgres

import (
	"context"
	"crypto/sha256"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// ClaimSession is one statement: of any number at once, one begins the session.
func (s *Store) ClaimSession(ctx context.Context, client chatconnect.ClientID, claim chatconnect.SessionClaim) (bool, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return false, err
	}
	session := sha256.Sum256([]byte(claim.SessionID))
	if claim.Request == nil {
		held, err := queries.ClaimForServer(ctx, sqlcgen.ClaimForServerParams{ClientID: client, Session: session[:]})
		return held, storeError(err)
	}
	rows, err := queries.ClaimForVisitor(ctx, sqlcgen.ClaimForVisitorParams{
		ClientID: string(client), Session: session[:], ID: string(claim.SessionID),
		BegunWith: claim.Request, RepeatableSeconds: claim.Repeatable.Seconds(),
	})
	return rows == 1, storeError(err)
}
