package postgres

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"

	chatconnect "github.com/chatconnect/chatconnect"
)

var _ chatconnect.RevisionStore = (*Store)(nil)

// beforeAll sorts before every UUID in use.
const beforeAll = "00000000-0000-0000-0000-000000000000"

// ActiveRevisions crosses clients by a function that may (see KeyOwner).
func (s *Store) ActiveRevisions(ctx context.Context, afterClient chatconnect.ClientID, afterDocument chatconnect.DocumentID, limit int) ([]chatconnect.ActiveRevision, error) {
	rows, err := s.pool.Query(ctx, `SELECT client_id::text, document_id::text, version, chunks FROM active_revisions($1::uuid, $2::uuid, $3)`,
		cmp.Or(string(afterClient), beforeAll), cmp.Or(string(afterDocument), beforeAll), limit)
	if err != nil {
		return nil, storeError(err)
	}
	revisions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r chatconnect.ActiveRevision, err error) {
		return r, row.Scan(&r.ClientID, &r.DocumentID, &r.Version, &r.Chunks)
	})
	return revisions, storeError(err)
}

// ActiveTotals crosses clients as ActiveRevisions does.
func (s *Store) ActiveTotals(ctx context.Context) (documents, chunks int, err error) {
	err = s.pool.QueryRow(ctx, `SELECT documents, chunks FROM active_revisions_total()`).Scan(&documents, &chunks)
	return documents, chunks, storeError(err)
}
