package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/pgserver"
	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/internal/postgres"
	"github.com/chatconnect/chatconnect/schema"
)

func TestNewWantsAMigratedDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	_, err := postgres.New(t.Context(), postgres.Options{URL: url})
	require.Error(t, err)

	require.NoError(t, schema.Migrate(t.Context(), url))
	store, err := postgres.New(t.Context(), postgres.Options{URL: url})
	require.NoError(t, err)
	require.NoError(t, store.Ping(t.Context()))
	store.Close()

	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `DELETE FROM goose_db_version WHERE version_id = $1`, schema.Version)
	require.NoError(t, err)
	_, err = postgres.New(t.Context(), postgres.Options{URL: url})
	require.ErrorContains(t, err, "chatconnect migrate")

	_, err = postgres.New(t.Context(), postgres.Options{URL: "postgres://%zz"})
	require.Error(t, err)
}

// TestRolesAndOutages has a cluster of its own, for it changes roles, which
// all databases of a cluster share, and stops the server.
func TestRolesAndOutages(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	// Not t.TempDir, which no other user can enter, and PostgreSQL may need one.
	dir, err := os.MkdirTemp("", "postgres-test-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	options := pgserver.Options{DataDir: filepath.Join(dir, "pg"), Unsafe: true, Timeout: patience}
	server, err := pgserver.Start(ctx, options)
	require.NoError(t, err)
	defer func() { server.Stop() }()

	// An owner who is no superuser, as on a managed PostgreSQL.
	exec(t, server.URL("postgres"), `CREATE ROLE tenant_owner LOGIN CREATEROLE`, `CREATE DATABASE app OWNER tenant_owner`)
	url := "postgres://tenant_owner@" + server.URL("app")[len("postgres://postgres@"):]
	require.NoError(t, schema.Migrate(ctx, url))

	store, err := postgres.New(ctx, postgres.Options{URL: url})
	require.NoError(t, err)
	defer store.Close()
	user, err := store.CreateUser(ctx, chatconnect.User{Email: "a@example.com"}, "hash")
	require.NoError(t, err)
	const token = "pk_live_of_the_owner"
	client, err := store.CreateClient(ctx, chatconnect.Client{Name: "Acme", PublishableKey: token}, user.ID)
	require.NoError(t, err)
	_, err = store.CreateDocument(ctx, client.ID, chatconnect.Document{Name: "a.txt", Type: chatconnect.TypeTXT})
	require.NoError(t, err)

	require.NoError(t, store.Audit(ctx, chatconnect.AuditEvent{ClientID: client.ID, Action: "test"}))

	t.Run("look-ups see through FORCE, the owner does not", func(t *testing.T) {
		owner, err := store.KeyOwner(ctx, hashOf(token))
		require.NoError(t, err)
		require.Equal(t, client.ID, owner.ClientID)
		pending, err := store.PendingDocuments(ctx, client.CreatedAt.AddDate(1, 0, 0), 10)
		require.NoError(t, err)
		require.Len(t, pending, 1)

		conn, err := pgx.Connect(ctx, url)
		require.NoError(t, err)
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, `CREATE TABLE mine AS SELECT * FROM chat_logs`)
		require.NoError(t, err, "it does own the database")
		var events int // no look-up reads them
		require.NoError(t, conn.QueryRow(ctx, `SELECT count(*) FROM audit_events`).Scan(&events))
		require.Zero(t, events)
	})

	t.Run("a role that may bypass is refused", func(t *testing.T) {
		exec(t, server.URL("app"), `ALTER ROLE chatconnect_app BYPASSRLS`)
		_, err := postgres.New(ctx, postgres.Options{URL: url})
		require.ErrorContains(t, err, "bypass row level security")
		exec(t, server.URL("app"), `ALTER ROLE chatconnect_app NOBYPASSRLS`)
	})

	t.Run("a login that is no member is refused", func(t *testing.T) {
		exec(t, server.URL("app"), `CREATE ROLE stranger LOGIN`)
		_, err := postgres.New(ctx, postgres.Options{URL: "postgres://stranger@" + server.URL("app")[len("postgres://postgres@"):]})
		require.ErrorContains(t, err, "become chatconnect_app")
	})

	t.Run("an outage passes", func(t *testing.T) {
		server.Stop()
		unavailable := func(err error) { t.Helper(); requireKind(t, chatconnect.KindUnavailable, "database_unavailable", err) }
		unavailable(store.Ping(ctx))
		_, err := store.Client(ctx, client.ID)
		unavailable(err)
		_, err = store.KeyOwner(ctx, hashOf(token))
		unavailable(err)
		name := uuid.NewString()
		_, err = store.UpdateClient(ctx, client.ID, chatconnect.ClientPatch{Name: &name})
		unavailable(err)

		server, err = pgserver.Start(ctx, options)
		require.NoError(t, err)
		_, err = store.Client(ctx, client.ID)
		require.NoError(t, err)
	})
}

func TestALockedRowIsUnavailable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	document := b.newDocument()
	impatient, err := postgres.New(t.Context(), postgres.Options{URL: b.login, LockTimeout: 50 * time.Millisecond, StatementTimeout: patience})
	require.NoError(t, err)
	t.Cleanup(impatient.Close)
	conn := b.superuser()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	_, err = tx.Exec(t.Context(), `SELECT FROM documents FOR UPDATE`)
	require.NoError(t, err)
	_, _, err = impatient.UpdateProgress(t.Context(), b.client,
		chatconnect.DocumentProgress{DocumentID: document.ID, Version: 1, Status: chatconnect.StatusParsing})
	requireKind(t, chatconnect.KindUnavailable, "database_unavailable", err)
}

func exec(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
}
