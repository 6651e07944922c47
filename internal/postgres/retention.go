package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

var _ chatconnect.RetentionStore = (*Store)(nil)

// noID comes before every other in the order of ids.
const noID = "00000000-0000-0000-0000-000000000000"

// Retentions crosses clients by a function that may (see KeyOwner).
func (s *Store) Retentions(ctx context.Context, after chatconnect.ClientID, limit int) ([]chatconnect.Retention, error) {
	if after == "" {
		after = noID
	}
	if err := checkID(after); err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, `SELECT client_id, days FROM chat_retentions($1, $2)`, string(after), limit)
	if err != nil {
		return nil, storeError(err)
	}
	retentions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r chatconnect.Retention, err error) {
		return r, row.Scan(&r.ClientID, &r.Days)
	})
	return retentions, storeError(err)
}

// ForgetChats deletes exchanges first: sessions and opinions go when nothing
// refers to them any longer.
func (s *Store) ForgetChats(ctx context.Context, client chatconnect.ClientID, before time.Time, limit int) (int, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, forget := range []func() (int64, error){
		func() (int64, error) {
			return queries.ForgetChatLogs(ctx, sqlcgen.ForgetChatLogsParams{ClientID: client, Before: before, MaxRows: limit})
		},
		func() (int64, error) {
			return queries.ForgetSessions(ctx, sqlcgen.ForgetSessionsParams{ClientID: client, Before: before, MaxRows: limit})
		},
		func() (int64, error) {
			return queries.ForgetFeedback(ctx, sqlcgen.ForgetFeedbackParams{ClientID: client, Before: before, MaxRows: limit})
		},
	} {
		deleted, err := forget()
		if err != nil {
			return total, storeError(err)
		}
		total += int(deleted)
	}
	return total, nil
}
