package postgres

import (
	"context"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// CreateUser gives the user an ID if it has none.
func (s *Store) CreateUser(ctx context.Context, user chatconnect.User, passwordHash string) (chatconnect.User, error) {
	row, err := s.global().CreateUser(ctx, sqlcgen.CreateUserParams{
		ID: orNewID(user.ID), Email: clean(user.Email), Name: clean(user.Name), PasswordHash: passwordHash,
	})
	if err != nil {
		return chatconnect.User{}, storeError(err)
	}
	return toUser(row), nil
}

// UserByEmail disregards case.
func (s *Store) UserByEmail(ctx context.Context, email string) (chatconnect.User, string, error) {
	row, err := s.global().UserByEmail(ctx, clean(email))
	if err != nil {
		return chatconnect.User{}, "", storeError(err)
	}
	return toUser(row), row.PasswordHash, nil
}

func (s *Store) User(ctx context.Context, id chatconnect.UserID) (chatconnect.User, error) {
	if err := checkID(id); err != nil {
		return chatconnect.User{}, err
	}
	row, err := s.global().User(ctx, id)
	if err != nil {
		return chatconnect.User{}, storeError(err)
	}
	return toUser(row), nil
}

// Clients lists the oldest first.
func (s *Store) Clients(ctx context.Context, id chatconnect.UserID) ([]chatconnect.Client, error) {
	queries, err := s.member(id)
	if err != nil {
		return nil, err
	}
	rows, err := queries.UserClients(ctx, id)
	if err != nil {
		return nil, storeError(err)
	}
	clients := make([]chatconnect.Client, len(rows))
	for i, row := range rows {
		clients[i] = s.toClient(row.Client, row.PublishableKey)
		clients[i].Role = row.Role
	}
	return clients, nil
}

func (s *Store) Role(ctx context.Context, client chatconnect.ClientID, user chatconnect.UserID) (chatconnect.Role, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return "", err
	}
	if err := checkID(user); err != nil {
		return "", err
	}
	role, err := queries.Role(ctx, sqlcgen.RoleParams{ClientID: client, UserID: user})
	return role, storeError(err)
}

func toUser(row sqlcgen.User) chatconnect.User {
	return chatconnect.User{ID: row.ID, Email: row.Email, Name: row.Name, CreatedAt: row.CreatedAt}
}
