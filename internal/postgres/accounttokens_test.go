package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

// Of many who want to be the first account of an installation, one is.
func TestOneAccountIsTheFirst(t *testing.T) {
	t.Parallel()
	store, err := postgres.New(t.Context(), postgres.Options{
		URL: pgtest.ForTest(t), StatementTimeout: patience, LockTimeout: patience, ConnectTimeout: patience,
	})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	found, err := store.HasUsers(t.Context())
	require.NoError(t, err)
	require.False(t, found)

	results := make([]error, 20)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() {
			_, results[i] = store.CreateUserWith(t.Context(), chatconnect.User{Email: fmt.Sprintf("a%d@example.com", i)}, "hash", chatconnect.AccountTerms{First: true})
		})
	}
	group.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else {
			require.ErrorIs(t, err, chatconnect.ErrRegistrationClosed)
		}
	}
	require.Equal(t, 1, won)
	found, err = store.HasUsers(t.Context())
	require.NoError(t, err)
	require.True(t, found)
}

func TestAccountTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	issue := func(email string, expires time.Duration, perHour int) (hash []byte, created bool) {
		_, hash = chatconnect.NewAccountToken()
		created, err := b.store.CreateAccountToken(ctx, chatconnect.AccountToken{
			Purpose: chatconnect.PurposeVerification, Email: email, Name: "Ada", PasswordHash: "hash", ExpiresAt: time.Now().Add(expires),
		}, hash, perHour)
		require.NoError(t, err)
		return hash, created
	}
	hash, created := issue("Ada@example.com", time.Hour, 2)
	require.True(t, created)
	found, err := b.store.AccountToken(ctx, chatconnect.PurposeVerification, hash)
	require.NoError(t, err)
	require.Equal(t, "Ada@example.com", found.Email)
	require.Equal(t, "hash", found.PasswordHash)
	require.False(t, found.Used)
	_, err = b.store.AccountToken(ctx, chatconnect.PurposeInvitation, hash)
	require.ErrorIs(t, err, chatconnect.ErrNotFound, "for another purpose")

	second, created := issue("ada@example.com", time.Hour, 2)
	require.True(t, created)
	_, created = issue("ADA@example.com", time.Hour, 2)
	require.False(t, created, "over the limit of the hour")

	with := func(email string, hash []byte) error {
		_, err := b.store.CreateUserWith(ctx, chatconnect.User{Email: email, Name: "Ada"}, "hash", chatconnect.AccountTerms{TokenHash: hash})
		return err
	}
	require.ErrorIs(t, with("eve@example.com", hash), chatconnect.ErrNotFound, "another's address")

	results := make([]error, 10)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() { results[i] = with("ada@example.com", hash) })
	}
	group.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		}
	}
	require.Equal(t, 1, won, "%v", errors.Join(results...))
	require.ErrorIs(t, with("ada@example.com", hash), chatconnect.ErrNotFound, "used")
	require.ErrorIs(t, with("ada@example.com", second), chatconnect.ErrEmailTaken)
	found, err = b.store.AccountToken(ctx, chatconnect.PurposeVerification, second)
	require.NoError(t, err)
	require.False(t, found.Used, "what fails uses nothing up")

	expired, _ := issue("late@example.com", -time.Minute, 0)
	require.ErrorIs(t, with("late@example.com", expired), chatconnect.ErrNotFound)
	_, err = b.store.AccountToken(ctx, chatconnect.PurposeVerification, expired)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}
