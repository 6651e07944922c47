package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// Knowledge hides versions being ingested, failed, cancelled or replaced, and
// documents being deleted.
func (s *Store) Knowledge(ctx context.Context, client chatconnect.ClientID) (chatconnect.Knowledge, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return chatconnect.Knowledge{}, err
	}
	row, err := queries.Knowledge(ctx, client)
	if err != nil {
		return chatconnect.Knowledge{}, storeError(err)
	}
	return toKnowledge(row)
}

func toKnowledge(row sqlcgen.KnowledgeRow) (chatconnect.Knowledge, error) {
	knowledge := chatconnect.Knowledge{Version: row.KnowledgeVersion, Ready: row.Ready}
	if err := json.Unmarshal(row.Inactive, &knowledge.Inactive); err != nil {
		return chatconnect.Knowledge{}, fmt.Errorf("inactive revisions: %w", err)
	}
	return knowledge, nil
}
