package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// firstAccount is the lock of those who want to be an installation's first.
const firstAccount = "first account"

// CreateAccountToken implements chatconnect.AccountStore.
func (s *Store) CreateAccountToken(ctx context.Context, token chatconnect.AccountToken, hash []byte, perHour int) (created bool, err error) {
	err = s.inGlobal(ctx, func(q *sqlcgen.Queries) error {
		if err := q.LockAccount(ctx, "tokens:"+clean(token.Email)); err != nil {
			return err
		}
		if err := q.DeleteExpiredAccountTokens(ctx); err != nil {
			return err
		}
		if perHour > 0 {
			n, err := q.CountAccountTokens(ctx, sqlcgen.CountAccountTokensParams{Email: clean(token.Email), Purpose: string(token.Purpose)})
			if err != nil || n >= int64(perHour) {
				return err
			}
		}
		created = true
		return q.CreateAccountToken(ctx, sqlcgen.CreateAccountTokenParams{
			TokenHash: hash, Purpose: string(token.Purpose), Email: clean(token.Email), Name: clean(token.Name),
			PasswordHash: token.PasswordHash, ExpiresAt: token.ExpiresAt,
		})
	})
	return created && err == nil, err
}

// AccountToken implements chatconnect.AccountStore.
func (s *Store) AccountToken(ctx context.Context, purpose chatconnect.TokenPurpose, hash []byte) (chatconnect.AccountToken, error) {
	row, err := s.global().AccountToken(ctx, sqlcgen.AccountTokenParams{TokenHash: hash, Purpose: string(purpose)})
	if err != nil {
		return chatconnect.AccountToken{}, storeError(err)
	}
	return chatconnect.AccountToken{
		Purpose: purpose, Email: row.Email, Name: row.Name, PasswordHash: row.PasswordHash,
		ExpiresAt: row.ExpiresAt, Used: row.UsedAt != nil,
	}, nil
}

// CreateUserWith implements chatconnect.AccountStore.
func (s *Store) CreateUserWith(ctx context.Context, user chatconnect.User, passwordHash string, terms chatconnect.AccountTerms) (created chatconnect.User, err error) {
	err = s.inGlobal(ctx, func(q *sqlcgen.Queries) error {
		if terms.First {
			if err := q.LockAccount(ctx, firstAccount); err != nil {
				return err
			}
			if taken, err := q.HasUsers(ctx); err != nil {
				return err
			} else if taken {
				return chatconnect.ErrRegistrationClosed
			}
		}
		if terms.TokenHash != nil {
			used, err := q.UseAccountToken(ctx, sqlcgen.UseAccountTokenParams{TokenHash: terms.TokenHash, Email: clean(user.Email)})
			if err != nil {
				return err
			}
			if used == 0 {
				return chatconnect.ErrNotFound
			}
		}
		row, err := q.CreateUser(ctx, sqlcgen.CreateUserParams{
			ID: orNewID(user.ID), Email: clean(user.Email), Name: clean(user.Name), PasswordHash: passwordHash,
		})
		created = toUser(row)
		return err
	})
	return created, err
}

// HasUsers implements chatconnect.AccountStore.
func (s *Store) HasUsers(ctx context.Context) (bool, error) {
	found, err := s.global().HasUsers(ctx)
	return found, storeError(err)
}

// inGlobal runs do in one transaction that belongs to no client.
func (s *Store) inGlobal(ctx context.Context, do func(*sqlcgen.Queries) error) error {
	return storeError(pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return do(sqlcgen.New(tx)) }))
}
