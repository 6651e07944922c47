package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Login is the database user of a connection.
type Login struct {
	Name string
	// Excess is what the login may do beyond becoming Role, in words; empty if
	// nothing. A statement that an attacker slips in could RESET ROLE and use it.
	Excess []string
}

// loginQuery looks at session_user, so that it tells the same before and after
// SET ROLE. A superuser may do everything, which is said in one word.
const loginQuery = `
WITH login AS (SELECT * FROM pg_roles WHERE rolname = session_user),
reachable AS (
	SELECT r.* FROM pg_roles r, login WHERE NOT login.rolsuper AND pg_has_role(login.oid, r.oid, 'MEMBER')
), excess(priority, what) AS (
	SELECT 1, 'is a superuser' FROM login WHERE rolsuper
	UNION ALL
	SELECT 2, 'can become ' || rolname FROM reachable WHERE rolname NOT IN (session_user, $1)
	UNION ALL
	SELECT 3, rolname || ' may ' || a.what FROM reachable,
		LATERAL (VALUES (rolbypassrls, 'bypass row level security'), (rolcreaterole, 'create roles'),
		                (rolcreatedb, 'create databases'), (rolreplication, 'replicate')) a(held, what)
	WHERE a.held
	UNION ALL
	SELECT 4, format('owns %s (%s in all)', min(c.relname), count(*)) FROM pg_class c JOIN reachable r ON r.oid = c.relowner
	HAVING count(*) > 0
	UNION ALL
	SELECT 5, format('owns the function %s (%s in all)', min(p.proname), count(*)) FROM pg_proc p JOIN reachable r ON r.oid = p.proowner
	HAVING count(*) > 0
	UNION ALL
	SELECT 6, 'owns the database' FROM pg_database d JOIN reachable r ON r.oid = d.datdba WHERE d.datname = current_database()
	UNION ALL
	SELECT DISTINCT 7, 'can create in schema ' || n.nspname FROM pg_namespace n, reachable r WHERE has_schema_privilege(r.oid, n.oid, 'CREATE')
	UNION ALL
	SELECT DISTINCT 8, 'can ' || p.what FROM reachable r,
		LATERAL (VALUES ('CREATE', 'create schemas'), ('TEMPORARY', 'create temporary tables')) p(privilege, what)
	WHERE has_database_privilege(r.oid, current_database(), p.privilege)
)
SELECT session_user::text, ARRAY(SELECT what FROM excess ORDER BY priority, what)`

// CheckLogin connects once and says what the login of the URL may do.
func CheckLogin(ctx context.Context, url string) (Login, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return Login{}, fmt.Errorf("database URL: %w", err)
	}
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return Login{}, fmt.Errorf("database: %w", err)
	}
	defer conn.Close(ctx)
	return readLogin(ctx, conn)
}

// Login says what the store's own login may do.
func (s *Store) Login(ctx context.Context) (Login, error) { return readLogin(ctx, s.pool) }

func readLogin(ctx context.Context, from interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (Login, error) {
	var login Login
	if err := from.QueryRow(ctx, loginQuery, Role).Scan(&login.Name, &login.Excess); err != nil {
		return Login{}, fmt.Errorf("privileges of the database login: %w", storeError(err))
	}
	return login, nil
}
