package postgres

import (
	"context"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// Quotas implements chatconnect.ClientStore.
func (s *Store) Quotas(ctx context.Context, client chatconnect.ClientID) (chatconnect.Quotas, error) {
	var (
		stored sqlcgen.StoredRow
		keys   int
	)
	err := s.together(ctx, client,
		func(q *sqlcgen.Queries) (err error) {
			stored, err = q.Stored(ctx, client)
			return err
		},
		func(q *sqlcgen.Queries) (err error) {
			keys, err = q.CountKeys(ctx, client)
			return err
		},
	)
	if err != nil {
		return chatconnect.Quotas{}, storeError(err)
	}
	return chatconnect.Quotas{
		Documents: quota(int64(stored.Documents), int64(s.allowance.Documents)),
		Bytes:     quota(stored.Bytes, s.allowance.Bytes),
		Keys:      quota(int64(keys), int64(s.allowance.Keys)),
	}, nil
}

func quota(used, limit int64) chatconnect.Quota {
	if limit <= 0 {
		return chatconnect.Quota{Used: used}
	}
	return chatconnect.Quota{Used: used, Limit: &limit}
}

// checkStorage refuses documents and bytes beyond the client's quotas. It locks
// the client until the transaction ends, so that several uploads at once can't
// pass together.
func (s *Store) checkStorage(ctx context.Context, q *sqlcgen.Queries, client chatconnect.ClientID, documents int, bytes int64) error {
	limits := s.allowance
	if limits.Documents <= 0 && limits.Bytes <= 0 {
		return nil
	}
	if _, err := q.LockClient(ctx, client); err != nil {
		return err
	}
	stored, err := q.Stored(ctx, client)
	switch {
	case err != nil:
		return err
	case documents > 0 && limits.Documents > 0 && stored.Documents+documents > limits.Documents:
		return chatconnect.ErrDocumentsLimit
	case limits.Bytes > 0 && stored.Bytes+bytes > limits.Bytes:
		return chatconnect.ErrStorageLimit
	}
	return nil
}

// checkKeys refuses a key beyond the client's quota, as checkStorage does.
func (s *Store) checkKeys(ctx context.Context, q *sqlcgen.Queries, client chatconnect.ClientID) error {
	if s.allowance.Keys <= 0 {
		return nil
	}
	if _, err := q.LockClient(ctx, client); err != nil {
		return err
	}
	keys, err := q.CountKeys(ctx, client)
	if err == nil && keys >= s.allowance.Keys {
		err = chatconnect.ErrKeysLimit
	}
	return err
}

// checkClients refuses a client beyond the account's quota. It locks the
// account, as checkStorage does the client.
func (s *Store) checkClients(ctx context.Context, q *sqlcgen.Queries, owner chatconnect.UserID) error {
	if s.allowance.Clients <= 0 {
		return nil
	}
	if _, err := q.LockUser(ctx, owner); err != nil {
		return err
	}
	if err := q.ReadAsUser(ctx, string(owner)); err != nil {
		return err
	}
	owned, err := q.CountOwnedClients(ctx, owner)
	if err == nil && owned >= s.allowance.Clients {
		err = chatconnect.ErrClientsLimit
	}
	return err
}
