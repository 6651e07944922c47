package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/pgserver"
	"github.com/chatconnect/chatconnect/internal/postgres"
	"github.com/chatconnect/chatconnect/schema"
)

// attempt is a statement that somebody slips into a query of the product.
type attempt struct{ name, sql string }

// beyondTheProduct are statements that would get at other tenants' rows, at the
// machine, or leave a trap. PostgreSQL must refuse each.
func beyondTheProduct(roles []string) []attempt {
	attempts := []attempt{
		{"disable row level security", `ALTER TABLE documents DISABLE ROW LEVEL SECURITY`},
		{"no longer force row level security", `ALTER TABLE documents NO FORCE ROW LEVEL SECURITY`},
		{"open a policy", `CREATE POLICY open ON documents USING (true)`},
		{"drop a policy", `DROP POLICY IF EXISTS tenant ON documents`},
		{"read with row security off", `SET LOCAL row_security = off; SELECT FROM documents`},
		{"alter a table", `ALTER TABLE documents ADD COLUMN x int`},
		{"drop a table", `DROP TABLE chunks`},
		{"truncate a table", `TRUNCATE documents CASCADE`},
		{"trigger on a table", `CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`},
		{"rewrite the migrations", `UPDATE goose_db_version SET version_id = 0`},
		{"rewrite the audit trail", `UPDATE audit_events SET action = 'x'`},
		{"clear the audit trail", `DELETE FROM audit_events`},
		{"create a table", `CREATE TABLE public.x (n int)`},
		{"create a temporary table", `CREATE TEMPORARY TABLE documents (n int)`},
		{"create a table in pg_temp", `CREATE TABLE pg_temp.documents (n int)`},
		{"create a temporary view", `CREATE TEMPORARY VIEW documents AS SELECT 1`},
		{"create a schema", `CREATE SCHEMA chatconnect_app`},
		{"create a function", `CREATE FUNCTION public.x() RETURNS int LANGUAGE sql AS 'SELECT 1'`},
		{"create a temporary function", `CREATE FUNCTION pg_temp.app_client() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'`},
		{"replace a function that policies use", `CREATE OR REPLACE FUNCTION public.app_client() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'`},
		{"alter a look-up", `ALTER FUNCTION public.key_owner(bytea) RESET search_path`},
		{"own a look-up", `ALTER FUNCTION public.key_owner(bytea) OWNER TO CURRENT_USER`},
		{"create an extension", `CREATE EXTENSION IF NOT EXISTS dblink`},
		{"create a language", `CREATE LANGUAGE x HANDLER plpgsql_call_handler`},
		{"run a program", `COPY (SELECT 1) TO PROGRAM 'true'`},
		{"read a program", `COPY users FROM PROGRAM 'id'`},
		{"write a file", `COPY (SELECT 1) TO '/tmp/chatconnect-x'`},
		{"read a file", `SELECT pg_read_file('/etc/passwd')`},
		{"read a file's bytes", `SELECT pg_read_binary_file('/etc/passwd')`},
		{"list a directory", `SELECT pg_ls_dir('/')`},
		{"import a file", `SELECT lo_import('/etc/passwd')`},
		{"skip triggers and foreign keys", `SET session_replication_role = 'replica'`},
		{"load a library", `LOAD 'auto_explain'`},
		{"preload a library", `SET session_preload_libraries = 'auto_explain'`},
		{"hide statements from the log", `SET log_statement = 'none'`},
		{"read passwords", `SELECT rolpassword FROM pg_authid`},
		{"read the server's statistics of columns", `SELECT FROM pg_statistic`},
		{"create a role", `CREATE ROLE x`},
		{"gain an attribute", `ALTER ROLE CURRENT_USER BYPASSRLS`},
		{"grant the look-up role", `GRANT chatconnect_lookup TO CURRENT_USER`},
		{"subscribe", `CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false)`},
		{"publish", `CREATE PUBLICATION p FOR ALL TABLES`},
		{"end another user's session", `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid()`},
	}
	for _, role := range roles {
		for _, form := range []string{"SET ROLE %s", "SET SESSION AUTHORIZATION %s", "GRANT %s TO CURRENT_USER"} {
			attempts = append(attempts, attempt{fmt.Sprintf(form, role), fmt.Sprintf(form, pgx.Identifier{role}.Sanitize())})
		}
	}
	return attempts
}

// TestRuntimeLoginOwnsNothing connects as the product does and tries what an
// injected statement could: as the role that the product is, and as the login
// behind it, which RESET ROLE leads back to.
func TestRuntimeLoginOwnsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second := b.newClient(b.newUser().ID).ID
	fillEveryTable(b, b.client)
	fillEveryTable(b, second)
	login, err := b.store.Login(t.Context())
	require.NoError(t, err)
	require.Equal(t, postgres.Login{Name: pgserver.RuntimeLogin, Excess: []string{}}, login)

	roles := query[[]string](b, `SELECT array_agg(rolname::text) FROM pg_roles WHERE rolname NOT IN ('chatconnect_app', 'chatconnect_runtime')`)
	require.Contains(t, roles, "postgres")
	require.Contains(t, roles, "chatconnect_lookup")
	attempts := beyondTheProduct(roles)
	for _, become := range []string{"RESET ROLE", "SET ROLE " + postgres.Role} {
		t.Run(become, func(t *testing.T) {
			conn := connect(t, b.login)
			_, err := conn.Exec(t.Context(), become)
			require.NoError(t, err)
			for _, a := range attempts {
				requireRefused(t, conn, a)
			}
			_, err = conn.Exec(t.Context(), `ALTER SYSTEM SET log_statement = 'all'`) // in no transaction
			requireNoPrivilege(t, attempt{name: "change the server"}, err)
		})
	}

	t.Run("tenants' rows unscoped", func(t *testing.T) {
		conn := connect(t, b.login)
		for _, table := range tenantTables(b) {
			requireRefused(t, conn, attempt{"read as the login", "SELECT FROM " + table.name})
		}
		_, err := conn.Exec(t.Context(), "SET ROLE "+postgres.Role)
		require.NoError(t, err)
		for _, table := range tenantTables(b) {
			tag, err := conn.Exec(t.Context(), "SELECT FROM "+table.name)
			require.NoError(t, err)
			require.Zero(t, tag.RowsAffected(), table.name)
		}
	})

	t.Run("a look-up keeps its search_path", func(t *testing.T) {
		conn := connect(t, b.login)
		_, err := conn.Exec(t.Context(), "SET ROLE "+postgres.Role+"; SET search_path = pg_temp, public, pg_catalog")
		require.NoError(t, err)
		tag, err := conn.Exec(t.Context(), "SELECT FROM public.pending_documents(now() + interval '1 hour', 10)")
		require.NoError(t, err)
		require.Zero(t, tag.RowsAffected(), "both documents are ready")
	})
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// requireRefused wants the statement to fail for want of a privilege, and
// undoes it if it did not.
func requireRefused(t *testing.T, conn *pgx.Conn, a attempt) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	// As one injected string: the simple protocol takes several statements.
	_, err = tx.Conn().PgConn().Exec(t.Context(), a.sql).ReadAll()
	requireNoPrivilege(t, a, err)
}

func requireNoPrivilege(t *testing.T, a attempt, err error) {
	t.Helper()
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		t.Errorf("%s: not refused: %v", a.name, err)
		return
	}
	// 42501 insufficient_privilege; 0LP01 a role can't be granted (PostgreSQL 15).
	if !slices.Contains([]string{"42501", "0LP01"}, refused.Code) {
		t.Errorf("%s: refused for another reason: %v", a.name, err)
	}
}

// TestSingleLoginIsUpgraded takes an older installation, whose one
// login owned everything and served requests, to two logins.
func TestSingleLoginIsUpgraded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir, err := os.MkdirTemp("", "postgres-test-") // where another user can go
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	server, err := pgserver.Start(ctx, pgserver.Options{DataDir: filepath.Join(dir, "pg"), Unsafe: true, Timeout: patience})
	require.NoError(t, err)
	defer server.Stop()
	as := func(user *url.Userinfo) string {
		u, err := url.Parse(server.URL("chatconnect"))
		require.NoError(t, err)
		u.User = user
		return u.String()
	}
	// As 10-databases.sh used to make them.
	exec(t, server.URL("postgres"), `CREATE ROLE chatconnect LOGIN CREATEROLE PASSWORD 'old'`, `CREATE DATABASE chatconnect OWNER chatconnect`,
		`REVOKE CONNECT, TEMPORARY ON DATABASE chatconnect FROM PUBLIC`)
	owner := as(url.UserPassword("chatconnect", "old"))
	require.NoError(t, schema.Migrate(ctx, owner))
	require.NoError(t, schema.GrantRuntime(ctx, owner, owner), "one login stays one")
	store, err := postgres.New(ctx, postgres.Options{URL: owner})
	require.NoError(t, err, "an installation with one login goes on")
	user, err := store.CreateUser(ctx, chatconnect.User{Email: "a@example.com"}, "hash")
	require.NoError(t, err)
	client, err := store.CreateClient(ctx, chatconnect.Client{Name: "Acme", PublishableKey: "pk_live_x"}, user.ID)
	require.NoError(t, err)
	single, err := store.Login(ctx)
	require.NoError(t, err)
	store.Close()
	require.Contains(t, strings.Join(single.Excess, "; "), "can become chatconnect_lookup")
	require.Contains(t, strings.Join(single.Excess, "; "), "owns")

	runtime := as(url.UserPassword("chatconnect_runtime", "new"))
	for range 2 { // it may be repeated
		require.NoError(t, schema.Migrate(ctx, owner))
		require.NoError(t, schema.GrantRuntime(ctx, owner, runtime))
	}
	store, err = postgres.New(ctx, postgres.Options{URL: runtime})
	require.NoError(t, err)
	defer store.Close()
	_, err = store.Client(ctx, client.ID)
	require.NoError(t, err)
	login, err := postgres.CheckLogin(ctx, runtime)
	require.NoError(t, err)
	require.Equal(t, postgres.Login{Name: "chatconnect_runtime", Excess: []string{}}, login)
	var verifier string
	require.NoError(t, connect(t, server.URL("postgres")).QueryRow(ctx,
		`SELECT rolpassword FROM pg_authid WHERE rolname = 'chatconnect_runtime'`).Scan(&verifier))
	require.True(t, strings.HasPrefix(verifier, "SCRAM-SHA-256$4096:"), verifier)

	t.Run("an owner who may not is told what to run", func(t *testing.T) {
		exec(t, server.URL("postgres"), `ALTER ROLE chatconnect NOCREATEROLE`)
		err := schema.GrantRuntime(ctx, owner, as(url.User("another")))
		require.ErrorContains(t, err, `GRANT chatconnect_app TO "another"`)
		exec(t, server.URL("postgres"), `CREATE ROLE another LOGIN NOINHERIT`, `GRANT chatconnect_app TO another`)
		require.NoError(t, schema.GrantRuntime(ctx, owner, as(url.User("another"))), "once it is done")
	})
}
