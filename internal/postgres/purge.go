package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

var _ chatconnect.PurgeStore = (*Store)(nil)

// Rows that one statement of a purge deletes. Documents take their chunks and
// revisions along, so those go a few at a time.
const (
	purgeRows      = 5000
	purgeDocuments = 200
)

// BeginPurge notes the request where it survives the client, revokes every key
// and makes the client exist for nobody else, in one transaction. Repeating it
// changes nothing. ErrNotFound for those who aren't members, ErrForbidden for
// members who aren't owners.
func (s *Store) BeginPurge(ctx context.Context, client chatconnect.ClientID, user chatconnect.UserID) error {
	if err := checkID(user); err != nil {
		return err
	}
	return s.inTenant(ctx, client, func(q *sqlcgen.Queries) error {
		role, err := q.RoleForPurge(ctx, sqlcgen.RoleForPurgeParams{ClientID: client, UserID: user})
		if err != nil {
			return err
		}
		if role != chatconnect.RoleOwner {
			return chatconnect.ErrForbidden
		}
		if err := q.BeginPurge(ctx, sqlcgen.BeginPurgeParams{ClientID: client, UserID: string(user)}); err != nil {
			return err
		}
		if err := q.HideClient(ctx, client); err != nil {
			return err
		}
		return q.RevokeAllKeys(ctx, client)
	})
}

// ClientRows leaves out the record of the purge.
func (s *Store) ClientRows(ctx context.Context, client chatconnect.ClientID) (int, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return 0, err
	}
	total, err := queries.ClientRows(ctx, client)
	return int(total), storeError(err)
}

// PurgeRows deletes the largest tables part by part and the rest with the
// client's own row. Only a client that BeginPurge has marked is deleted.
func (s *Store) PurgeRows(ctx context.Context, client chatconnect.ClientID) error {
	queries, err := s.tenant(client)
	if err != nil {
		return err
	}
	for _, part := range []func() (int64, error){
		func() (int64, error) {
			return queries.PurgeChunks(ctx, sqlcgen.PurgeChunksParams{ClientID: client, MaxRows: purgeRows})
		},
		func() (int64, error) {
			return queries.PurgeDocuments(ctx, sqlcgen.PurgeDocumentsParams{ClientID: client, MaxRows: purgeDocuments})
		},
		func() (int64, error) {
			return queries.PurgeChatLogs(ctx, sqlcgen.PurgeChatLogsParams{ClientID: client, MaxRows: purgeRows})
		},
	} {
		for {
			deleted, err := part()
			if err != nil {
				return storeError(err)
			}
			if deleted == 0 {
				break
			}
		}
	}
	return storeError(queries.PurgeClient(ctx, sqlcgen.PurgeClientParams{ClientID: client, UnpaidModels: chatconnect.UnpaidModels()}))
}

// RecordPurge keeps what the first call says.
func (s *Store) RecordPurge(ctx context.Context, client chatconnect.ClientID, removed map[string]int) error {
	queries, err := s.tenant(client)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(removed)
	if err != nil {
		return err
	}
	return storeError(queries.RecordPurge(ctx, sqlcgen.RecordPurgeParams{ClientID: client, Removed: encoded}))
}

func (s *Store) FinishPurge(ctx context.Context, client chatconnect.ClientID) error {
	queries, err := s.tenant(client)
	if err != nil {
		return err
	}
	return storeError(queries.FinishPurge(ctx, client))
}

// PendingPurges crosses clients by a function that may (see KeyOwner).
func (s *Store) PendingPurges(ctx context.Context, before time.Time, limit int) ([]chatconnect.ClientID, error) {
	return s.clientIDs(ctx, `SELECT * FROM pending_purges($1, $2)`, before, limit)
}

// clientIDs reads ids by one of the functions that may look at all clients.
func (s *Store) clientIDs(ctx context.Context, sql string, args ...any) ([]chatconnect.ClientID, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, storeError(err)
	}
	clients, err := pgx.CollectRows(rows, pgx.RowTo[chatconnect.ClientID])
	return clients, storeError(err)
}
