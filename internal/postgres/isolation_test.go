package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

// tenantTable is a table whose rows belong to a client, as the catalog has it.
type tenantTable struct {
	name      string
	column    string // that names the client
	protected bool   // row level security is enabled and forced
	policies  int
}

// withoutClient are the tables that belong to nobody. Any other table of the
// schema must name its client.
var withoutClient = []string{"users", "account_tokens", "goose_db_version"}

// TestTenantsAreIsolated goes over every table that has a client_id, now or
// ever, and over clients itself.
func TestTenantsAreIsolated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.client, b.newClient(b.newUser().ID).ID
	for _, client := range []chatconnect.ClientID{first, second} {
		fillEveryTable(b, client)
	}
	require.Greater(t, len(tenantTables(b)), 10)
	require.Empty(t, isolationProblems(b, first, second, b.owner.ID))
}

// TestTheIsolationTestCanFail adds what a careless migration might.
func TestTheIsolationTestCanFail(t *testing.T) {
	t.Parallel()
	const table = `CREATE TABLE notes (client_id uuid NOT NULL, note text); GRANT ALL ON notes TO chatconnect_app;`
	const rows = `INSERT INTO notes SELECT id, 'x' FROM clients;`
	const force = `ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE notes FORCE ROW LEVEL SECURITY;`
	cases := map[string]struct{ sql, problem string }{
		"no row level security": {table + rows, "notes: row level security is not enabled and forced"},
		"not forced":            {table + rows + `ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON notes USING (client_id = app_client());`, "notes: row level security is not enabled and forced"},
		"no policy":             {table + rows + force, "notes: no policy"},
		"open policy":           {table + rows + force + `CREATE POLICY p ON notes USING (true);`, "notes: unscoped SELECT"},
		"open to foreign writes": {table + rows + force + `CREATE POLICY p ON notes FOR SELECT USING (client_id = app_client());
			CREATE POLICY w ON notes FOR INSERT WITH CHECK (true);`, "notes: foreign INSERT"},
		"movable rows": {table + rows + force + `CREATE POLICY p ON notes FOR SELECT USING (client_id = app_client() OR note = 'x');
			CREATE POLICY w ON notes FOR UPDATE USING (client_id = app_client()) WITH CHECK (true);`, "notes: moving a row"},
		"no rows prepared": {table + force + `CREATE POLICY p ON notes USING (client_id = app_client());`, "notes: no rows prepared"},
		"no client":        {`CREATE TABLE notes (note text);`, "notes: a table without client_id"},
		"a view":           {`CREATE VIEW every_chunk AS SELECT * FROM chunks;`, "every_chunk: a view"},
		"a way around":     {`CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM chunks';`, "peek: a SECURITY DEFINER function"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			second := b.newClient(b.newUser().ID).ID
			fillEveryTable(b, b.client)
			fillEveryTable(b, second)
			_, err := b.superuser().Exec(t.Context(), c.sql)
			require.NoError(t, err)
			problems := isolationProblems(b, b.client, second, b.owner.ID)
			require.Contains(t, strings.Join(problems, "\n"), c.problem)
		})
	}
}

// fillEveryTable does everything once that leaves rows.
func fillEveryTable(b *bundle, client chatconnect.ClientID) {
	b.Helper()
	ctx := b.Context()
	document, err := b.store.CreateDocument(ctx, client, chatconnect.Document{Name: "a.txt", Type: chatconnect.TypeTXT})
	require.NoError(b, err)
	require.NoError(b, b.store.ReplaceChunks(ctx, client, revision(document), chunks(2)))
	_, err = b.store.CompleteBatch(ctx, client, revision(document), 0, 2)
	require.NoError(b, err)
	_, err = b.store.Activate(ctx, client, revision(document), chatconnect.IngestionCost{Chunks: 2})
	require.NoError(b, err)
	require.NoError(b, b.store.LogChat(ctx, chatconnect.ChatLog{
		Question: chatconnect.Question{ClientID: client, SessionID: "s", MessageID: "m", Text: "Q", Tier: "free", AskedAt: time.Now()},
		Status:   chatconnect.ChatAnswered,
	}))
	require.NoError(b, b.store.SaveFeedback(ctx, client, chatconnect.Feedback{SessionID: "s", MessageID: "m", Rating: chatconnect.RatingUp}, false))
	held, err := b.store.ClaimSession(ctx, client, chatconnect.SessionClaim{SessionID: "claimed"})
	require.NoError(b, err)
	require.True(b, held)
	require.NoError(b, b.store.Audit(ctx, chatconnect.AuditEvent{ClientID: client, Action: "test"}))
	// The record of a purge, as BeginPurge writes it but without hiding the client.
	_, err = b.superuser().Exec(ctx, `INSERT INTO client_purges (client_id, name) VALUES ($1, 'Acme')`, string(client))
	require.NoError(b, err)
}

func tenantTables(b *bundle) []tenantTable {
	b.Helper()
	rows, err := b.superuser().Query(b.Context(), `
		SELECT c.relname, CASE c.relname WHEN 'clients' THEN 'id' ELSE 'client_id' END,
		       c.relrowsecurity AND c.relforcerowsecurity,
		       (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid)
		FROM pg_class c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
		  AND (c.relname = 'clients' OR EXISTS (
		        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'client_id' AND NOT a.attisdropped))
		ORDER BY c.relname`)
	require.NoError(b, err)
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tenantTable, err error) {
		return t, row.Scan(&t.name, &t.column, &t.protected, &t.policies)
	})
	require.NoError(b, err)
	return tables
}

// isolationProblems tries, in every table, to get at the first client's rows
// as nobody, as the second client, and as the first client's owner.
func isolationProblems(b *bundle, first, second chatconnect.ClientID, owner chatconnect.UserID) []string {
	b.Helper()
	problems := schemaProblems(b)
	admin := b.superuser()
	app := b.superuser()
	_, err := app.Exec(b.Context(), "SET ROLE "+postgres.Role)
	require.NoError(b, err)

	for _, table := range tenantTables(b) {
		report := func(format string, args ...any) {
			problems = append(problems, table.name+": "+fmt.Sprintf(format, args...))
		}
		if !table.protected {
			report("row level security is not enabled and forced")
		}
		if table.policies == 0 {
			report("no policy")
		}
		// A row of each client, from behind the policies' back.
		sample := func(client chatconnect.ClientID) (row string) {
			err := admin.QueryRow(b.Context(), fmt.Sprintf(`SELECT to_jsonb(t)::text FROM %s t WHERE %s = $1 LIMIT 1`, table.name, table.column),
				string(client)).Scan(&row)
			if errors.Is(err, pgx.ErrNoRows) {
				report("no rows prepared")
				return ""
			}
			require.NoError(b, err)
			return row
		}
		foreign, own := sample(first), sample(second)
		if foreign == "" || own == "" {
			continue
		}
		insert := fmt.Sprintf(`INSERT INTO %[1]s OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::%[1]s, $1)`, table.name)
		selects := fmt.Sprintf(`SELECT FROM %s WHERE %s = $1`, table.name, table.column)
		update := fmt.Sprintf(`UPDATE %[1]s SET %[2]s = %[2]s WHERE %[2]s = $1`, table.name, table.column)
		remove := fmt.Sprintf(`DELETE FROM %s WHERE %s = $1`, table.name, table.column)
		move := fmt.Sprintf(`UPDATE %s SET %s = $1`, table.name, table.column)

		nobody := scope{}
		asSecond := scope{client: second}
		asOwner := scope{user: owner}
		if got := run(b, app, asSecond, selects, string(second)); got.rows == 0 {
			report("its own client sees nothing: %v", got)
		}
		for _, attempt := range []struct {
			what  string
			scope scope
			sql   string
		}{
			{"unscoped SELECT", nobody, selects}, {"unscoped UPDATE", nobody, update}, {"unscoped DELETE", nobody, remove},
			{"foreign SELECT", asSecond, selects}, {"foreign UPDATE", asSecond, update}, {"foreign DELETE", asSecond, remove},
			{"UPDATE as a user", asOwner, update}, {"DELETE as a user", asOwner, remove},
		} {
			if got := run(b, app, attempt.scope, attempt.sql, string(first)); got.rows != 0 || (got.err != nil && !got.denied()) {
				report("%s: %v", attempt.what, got)
			}
		}
		for _, attempt := range []struct {
			what  string
			scope scope
			sql   string
			arg   string
		}{
			{"unscoped INSERT", nobody, insert, foreign}, {"foreign INSERT", asSecond, insert, foreign},
			{"INSERT as a user", asOwner, insert, foreign}, {"moving a row", asSecond, move, string(first)},
		} {
			if got := run(b, app, attempt.scope, attempt.sql, attempt.arg); !got.denied() {
				report("%s: %v", attempt.what, got)
			}
		}
	}
	return problems
}

// schemaProblems looks for ways around the policies.
func schemaProblems(b *bundle) []string {
	b.Helper()
	rows, err := b.superuser().Query(b.Context(), `
		SELECT relname || ': a table without client_id' FROM pg_class c
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'clients' AND relname <> ALL ($1)
		  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'client_id' AND NOT a.attisdropped)
		UNION ALL
		SELECT relname || ': a view, which would see with its owner''s eyes' FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')
		UNION ALL
		SELECT proname || ': a SECURITY DEFINER function that is not one of the look-ups' FROM pg_proc
		WHERE pronamespace = 'public'::regnamespace AND prosecdef
		  AND NOT (proname IN ('key_owner', 'pending_documents', 'documents_under_way', 'pending_purges', 'active_revisions', 'active_revisions_total', 'chat_retentions',
		                       'account_tokens', 'client_ids', 'purged_clients') AND proowner = 'chatconnect_lookup'::regrole
		           AND proconfig = ARRAY['search_path=pg_catalog, pg_temp']
		           AND NOT has_function_privilege('public', oid, 'EXECUTE'))
		UNION ALL
		SELECT rolname || ': a role that may bypass row level security' FROM pg_roles
		WHERE rolname IN ('chatconnect_app', 'chatconnect_lookup') AND (rolsuper OR rolbypassrls OR rolcanlogin)
		UNION ALL
		SELECT 'chatconnect_app may look across clients' WHERE pg_has_role('chatconnect_app', 'chatconnect_lookup', 'MEMBER')`,
		withoutClient)
	require.NoError(b, err)
	problems, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(b, err)
	return problems
}

// scope is whom a transaction acts for; the zero one is nobody.
type scope struct {
	client chatconnect.ClientID
	user   chatconnect.UserID
}

type outcome struct {
	rows int64
	err  error
}

// denied: 42501, by a policy or for want of the privilege.
func (o outcome) denied() bool {
	var err *pgconn.PgError
	return errors.As(o.err, &err) && err.Code == "42501"
}

func (o outcome) String() string {
	if o.err != nil {
		return o.err.Error()
	}
	return fmt.Sprintf("%d rows", o.rows)
}

// run runs one statement in a transaction that is undone.
func run(b *bundle, conn *pgx.Conn, scope scope, sql string, arg string) outcome {
	b.Helper()
	tx, err := conn.Begin(b.Context())
	require.NoError(b, err)
	defer tx.Rollback(b.Context())
	_, err = tx.Exec(b.Context(), `SELECT set_config('app.client_id', $1, true), set_config('app.user_id', $2, true)`,
		string(scope.client), string(scope.user))
	require.NoError(b, err)
	tag, err := tx.Exec(b.Context(), sql, arg)
	return outcome{tag.RowsAffected(), err}
}
