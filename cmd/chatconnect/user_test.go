package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/password"
	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

func TestUserCommands(t *testing.T) {
	t.Parallel()
	database := pgtest.ForTest(t)
	store, err := postgres.New(t.Context(), postgres.Options{URL: database})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	do := func(mode chatconnect.Registration, stdin string, args ...string) (string, error) {
		settings, err := config.Load([]string{"DATABASE_URL=" + database, "REGISTRATION=" + string(mode), "PUBLIC_URL=https://chat.example.com"})
		require.NoError(t, err)
		var stdout strings.Builder
		err = runUser(t.Context(), args, settings, strings.NewReader(stdin), &stdout)
		return stdout.String(), err
	}
	hashOf := func(email string) string {
		_, hash, err := store.UserByEmail(t.Context(), email)
		require.NoError(t, err)
		return hash
	}

	out, err := do(chatconnect.RegistrationClosed, "", "create", "Ada@Example.com")
	require.NoError(t, err)
	_, made, found := strings.Cut(out, "Password: ")
	require.True(t, found)
	match, err := password.Matches(strings.TrimSpace(made), hashOf("ada@example.com"))
	require.NoError(t, err)
	require.True(t, match)
	_, err = do(chatconnect.RegistrationClosed, "", "create", "ada@example.com")
	require.ErrorIs(t, err, chatconnect.ErrEmailTaken)

	out, err = do(chatconnect.RegistrationClosed, "correct horse\n", "create", "--name", "Bob", "--password-stdin", "bob@example.com")
	require.NoError(t, err)
	require.NotContains(t, out, "correct horse")
	match, err = password.Matches("correct horse", hashOf("bob@example.com"))
	require.NoError(t, err)
	require.True(t, match)
	_, err = do(chatconnect.RegistrationClosed, "password123\n", "create", "--password-stdin", "eve@example.com")
	require.ErrorContains(t, err, "first that anybody tries")

	_, err = do(chatconnect.RegistrationClosed, "", "invite", "eve@example.com")
	require.ErrorContains(t, err, "REGISTRATION is closed")
	out, err = do(chatconnect.RegistrationInvite, "", "invite", "eve@example.com")
	require.NoError(t, err)
	page, fragment, _ := strings.Cut(strings.TrimSpace(out), "#")
	require.Equal(t, "https://chat.example.com/", page)
	values, err := url.ParseQuery(fragment)
	require.NoError(t, err)
	require.Equal(t, "eve@example.com", values.Get("email"))
	_, err = store.CreateUserWith(t.Context(), chatconnect.User{Email: "eve@example.com"}, "hash",
		chatconnect.AccountTerms{TokenHash: chatconnect.AccountTokenHash(values.Get("invitation"))})
	require.NoError(t, err)

	for _, args := range [][]string{nil, {"create"}, {"invite", "a@example.com", "b@example.com"}, {"delete", "a@example.com"}} {
		_, err := do(chatconnect.RegistrationOpen, "", args...)
		require.ErrorContains(t, err, "usage:", args)
	}
	_, err = do(chatconnect.RegistrationOpen, "", "create", "nobody")
	require.ErrorContains(t, err, "not an email address")
}
