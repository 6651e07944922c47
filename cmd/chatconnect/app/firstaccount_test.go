package app

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

func TestWarningOfTheFirstAccount(t *testing.T) {
	t.Parallel()
	store, err := postgres.New(t.Context(), postgres.Options{URL: pgtest.Runtime(t, pgtest.ForTest(t))})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	warnings := func(settings config.Config) int {
		var log strings.Builder
		a := &App{config: settings, logger: slog.New(slog.NewJSONHandler(&log, nil)), adapters: adapters{store: store}}
		a.warnOfFirstAccount(t.Context())
		return strings.Count(log.String(), "run chatconnect user create")
	}
	closed := config.Config{Registration: chatconnect.RegistrationClosed, Host: "0.0.0.0"}
	local, proxied, invite := closed, closed, closed
	local.Host = "127.0.0.1"
	proxied.Host, proxied.PublicURL = "127.0.0.1", "https://chat.example.com"
	invite.Registration = chatconnect.RegistrationInvite

	require.Equal(t, 1, warnings(closed))
	require.Equal(t, 1, warnings(proxied), "a proxy in front lets others in")
	require.Zero(t, warnings(local), "only this machine")
	require.Zero(t, warnings(invite), "strangers need an invitation")
	_, err = store.CreateUserWith(t.Context(), chatconnect.User{ID: chatconnect.UserID("0190a1b2-0000-7000-8000-000000000001"), Email: "ada@example.com", Name: "Ada"}, "hash", chatconnect.AccountTerms{First: true})
	require.NoError(t, err)
	require.Zero(t, warnings(closed), "there is one")
}
