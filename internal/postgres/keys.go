package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// CreateKey gives the key an ID if it has none, and keeps its token readable
// only if it is publishable. The returned key has the token of the argument.
func (s *Store) CreateKey(ctx context.Context, client chatconnect.ClientID, key chatconnect.APIKey, tokenHash []byte) (chatconnect.APIKey, error) {
	var row sqlcgen.ApiKey
	err := s.inTenant(ctx, client, func(q *sqlcgen.Queries) (err error) {
		if err := s.checkKeys(ctx, q, client); err != nil {
			return err
		}
		row, err = q.CreateKey(ctx, keyParams(client, key, tokenHash))
		return err
	})
	if err != nil {
		return chatconnect.APIKey{}, err
	}
	created := toKey(row)
	created.Token = key.Token
	return created, nil
}

// Keys lists those not revoked, oldest first, expired ones among them.
func (s *Store) Keys(ctx context.Context, client chatconnect.ClientID) ([]chatconnect.APIKey, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return nil, err
	}
	rows, err := queries.Keys(ctx, client)
	if err != nil {
		return nil, storeError(err)
	}
	keys := make([]chatconnect.APIKey, len(rows))
	for i, row := range rows {
		keys[i] = toKey(row)
	}
	return keys, nil
}

// RevokeKey returns ErrNotFound for a key that is unknown or already revoked.
func (s *Store) RevokeKey(ctx context.Context, client chatconnect.ClientID, key chatconnect.APIKeyID) error {
	queries, err := s.tenant(client)
	if err != nil {
		return err
	}
	if err := checkID(key); err != nil {
		return err
	}
	revoked, err := queries.RevokeKey(ctx, sqlcgen.RevokeKeyParams{ClientID: client, ID: key})
	if err == nil && revoked == 0 {
		return chatconnect.ErrNotFound
	}
	return storeError(err)
}

// KeyOwner also notes that the key was used, at most once a minute. The client
// is what it finds out, so it goes through a function that may look at all of
// them and gives away nothing else (schema/migrations/00005).
func (s *Store) KeyOwner(ctx context.Context, tokenHash []byte) (chatconnect.KeyOwner, error) {
	var owner chatconnect.KeyOwner
	var account *chatconnect.UserID
	err := s.pool.QueryRow(ctx,
		`SELECT key_id, kind, client_id, tier, allowed_domains, expires_at, account_id FROM key_owner($1)`, tokenHash,
	).Scan(&owner.KeyID, &owner.Kind, &owner.ClientID, &owner.Tier, &owner.AllowedDomains, &owner.ExpiresAt, &account)
	if errors.Is(err, pgx.ErrNoRows) {
		return chatconnect.KeyOwner{}, chatconnect.ErrAPIKeyInvalid
	}
	if account != nil {
		owner.AccountID = *account
	}
	return owner, storeError(err)
}

func keyParams(client chatconnect.ClientID, key chatconnect.APIKey, tokenHash []byte) sqlcgen.CreateKeyParams {
	params := sqlcgen.CreateKeyParams{
		ClientID: client, ID: orNewID(key.ID), Kind: key.Kind, Name: clean(key.Name), Prefix: key.Prefix,
		TokenHash: tokenHash, ExpiresAt: key.ExpiresAt,
	}
	if key.Kind == chatconnect.KeyPublishable {
		params.Token = &key.Token
	}
	return params
}

func toKey(row sqlcgen.ApiKey) chatconnect.APIKey {
	key := chatconnect.APIKey{
		ID: row.ID, Kind: row.Kind, Name: row.Name, Prefix: row.Prefix,
		CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt, LastUsedAt: row.LastUsedAt,
	}
	if row.Token != nil {
		key.Token = *row.Token
	}
	return key
}
