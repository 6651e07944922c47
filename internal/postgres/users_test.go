package postgres_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()

	created, err := b.store.CreateUser(ctx, chatconnect.User{Email: "Grace@Example.com", Name: "Grace"}, "argon2id$…")
	require.NoError(t, err)
	require.True(t, chatconnect.ValidUUID(string(created.ID)))
	require.False(t, created.CreatedAt.IsZero())

	found, hash, err := b.store.UserByEmail(ctx, "grace@example.COM")
	require.NoError(t, err)
	require.Equal(t, created, found)
	require.Equal(t, "argon2id$…", hash)

	found, err = b.store.User(ctx, created.ID)
	require.NoError(t, err)
	require.Equal(t, created, found)

	_, err = b.store.CreateUser(ctx, chatconnect.User{Email: "GRACE@example.com", Name: "Other"}, "hash")
	require.ErrorIs(t, err, chatconnect.ErrEmailTaken)
	_, err = b.store.CreateUser(ctx, chatconnect.User{Email: strings.Repeat("a", 400) + "@example.com"}, "hash")
	requireKind(t, chatconnect.KindInvalid, "invalid_value", err)

	_, _, err = b.store.UserByEmail(ctx, "nobody@example.com")
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	for _, id := range []chatconnect.UserID{unknownID, "not-a-uuid", ""} {
		_, err = b.store.User(ctx, id)
		require.ErrorIs(t, err, chatconnect.ErrNotFound)
	}
}

func TestClientsOfAUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	other := b.newUser()
	second := b.newClient(b.owner.ID)
	foreign := b.newClient(other.ID)

	clients, err := b.store.Clients(ctx, b.owner.ID)
	require.NoError(t, err)
	require.Len(t, clients, 2)
	require.Equal(t, b.client, clients[0].ID)
	require.Equal(t, second, clients[1])
	require.Equal(t, chatconnect.RoleOwner, clients[1].Role)
	require.NotEmpty(t, clients[1].PublishableKey)

	clients, err = b.store.Clients(ctx, unknownID)
	require.NoError(t, err)
	require.Empty(t, clients)

	role, err := b.store.Role(ctx, b.client, b.owner.ID)
	require.NoError(t, err)
	require.Equal(t, chatconnect.RoleOwner, role)
	_, err = b.store.Role(ctx, foreign.ID, b.owner.ID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, err = b.store.Role(ctx, b.client, other.ID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}
