package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

// TestTheOperatorsCommands does what an owner may not: it lists clients and
// changes their tier and ceiling, with a line in the audit trail for each.
func TestTheOperatorsCommands(t *testing.T) {
	t.Parallel()
	url := pgtest.ForTest(t)
	store, err := postgres.New(t.Context(), postgres.Options{URL: url})
	require.NoError(t, err)
	defer store.Close()
	owner, err := store.CreateUser(t.Context(), chatconnect.User{Email: "ada@example.com", Name: "Ada"}, "hash")
	require.NoError(t, err)
	client, err := store.CreateClient(t.Context(), chatconnect.Client{Name: "Shop\x1b[2J", PublishableKey: "pk_live_x"}, owner.ID)
	require.NoError(t, err)
	id := string(client.ID)
	command := func(args ...string) (string, error) {
		var out strings.Builder
		err := run(t.Context(), append([]string{"client"}, args...), []string{"DATABASE_URL=" + url, "FREE_TOKEN_CEILING=1000"}, &out, &strings.Builder{})
		return out.String(), err
	}
	does := func(want string, args ...string) {
		t.Helper()
		out, err := command(args...)
		require.NoError(t, err)
		require.Regexp(t, want, out)
	}
	does(id+`\s+Shop\?\[2J\s+free\s+1000 \(default\)\s+0\s+ada@example.com\n`, "list")
	does("tier paid, ceiling none \\(default\\)\n", "set-tier", id, "paid")
	does("tier paid, ceiling 5000\n", "set-ceiling", id, "5000")
	does(`ceiling \(operator's, tokens a month\)\s+5000\n`, "show", id)
	does("ceiling none\n", "set-ceiling", id, "none")
	does("ceiling none \\(default\\)\n", "set-ceiling", id, "default")
	does("tier free, ceiling 1000 \\(default\\)\n", "set-tier", id, "free")
	does(`(?s)owners\s+ada@example.com\n.*keys\s+1 of 20\n`, "show", id)

	for want, args := range map[string][]string{
		"usage:":                   {"set-tier", id},
		"is not a tier":            {"set-tier", id, "gold"},
		"is not a ceiling":         {"set-ceiling", id, "-5"},
		"is not the id":            {"show", "shop"},
		"there is no client 00000": {"set-tier", "00000000-0000-4000-8000-000000000000", "paid"},
	} {
		_, err := command(args...)
		require.ErrorContains(t, err, want, "%v", args)
	}
	_, err = command()
	require.ErrorContains(t, err, "usage:")
	require.ErrorContains(t, run(t.Context(), []string{"client", "list"}, nil, &strings.Builder{}, &strings.Builder{}), "DATABASE_URL must be set")
}
