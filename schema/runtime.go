package schema

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// appRole is the role that 00001 makes and that every table is granted to.
const appRole = "chatconnect_app"

// GrantRuntime prepares the login that the running product uses: that of
// runtimeURL. It makes the login if there is none, lets it become
// chatconnect_app, and takes from everybody what would let it leave something
// in the database. The owner of ownerURL gives the orders. Call it after
// Migrate; it may be repeated and run in several places at once.
//
// Where both URLs name one login it does nothing: an installation may have
// only one, and then policies alone keep tenants apart.
func GrantRuntime(ctx context.Context, ownerURL, runtimeURL string) error {
	config, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return fmt.Errorf("owner's database URL: %w", err)
	}
	runtime, err := pgx.ParseConfig(runtimeURL)
	if err != nil {
		return fmt.Errorf("runtime's database URL: %w", err)
	}
	if config.User == runtime.User {
		return nil
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	config.RuntimeParams["application_name"] = "chatconnect-migrate"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("grant to %s: %w", runtime.User, err)
	}
	defer conn.Close(ctx)

	// Roles belong to the whole cluster. Two databases may be prepared at the
	// same moment, and the loser of a race finds nothing left to do.
	const attempts = 10
	for attempt := 1; ; attempt++ {
		err := grantRuntime(ctx, conn, runtime.User, runtime.Password)
		if err == nil {
			return nil
		}
		if !lostRace(err) || attempt == attempts {
			return fmt.Errorf("grant to the runtime login %s: %w", runtime.User, err)
		}
		select {
		case <-time.After(time.Duration(attempt) * 10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// grantRuntime changes only what is not yet as it should be. An administrator
// may have prepared everything for an owner who can't.
func grantRuntime(ctx context.Context, conn *pgx.Conn, login, password string) error {
	var state struct {
		exists, member, connects, temporary, creates bool
		version                                      int
	}
	err := conn.QueryRow(ctx, `
		SELECT r.oid IS NOT NULL,
		       coalesce(pg_has_role(r.oid, $2, CASE WHEN v.n >= 160000 THEN 'SET' ELSE 'MEMBER' END), false),
		       coalesce(has_database_privilege(r.oid, current_database(), 'CONNECT'), false),
		       has_database_privilege('public', current_database(), 'TEMPORARY'),
		       has_schema_privilege('public', 'public', 'CREATE'),
		       v.n
		FROM (SELECT current_setting('server_version_num')::int AS n) v
		LEFT JOIN pg_roles r ON r.rolname = $1`, login, appRole).
		Scan(&state.exists, &state.member, &state.connects, &state.temporary, &state.creates, &state.version)
	if err != nil {
		return err
	}
	name := pgx.Identifier{login}.Sanitize()
	var database string
	if err := conn.QueryRow(ctx, `SELECT quote_ident(current_database())`).Scan(&database); err != nil {
		return err
	}
	var statements []string
	if !state.exists {
		create := "CREATE ROLE " + name + " LOGIN NOINHERIT NOCREATEDB NOCREATEROLE"
		if password != "" {
			salt := make([]byte, 16)
			_, _ = rand.Read(salt) // never fails
			verifier, err := scramVerifier(password, salt)
			if err != nil {
				return err
			}
			create += " PASSWORD '" + verifier + "'" // base64 and digits: nothing to quote
		}
		statements = append(statements, create)
	}
	if !state.member {
		grant := "GRANT " + appRole + " TO " + name
		if state.version >= 160000 {
			grant += " WITH INHERIT FALSE, SET TRUE"
		}
		statements = append(statements, grant)
	}
	if !state.connects {
		statements = append(statements, "GRANT CONNECT ON DATABASE "+database+" TO "+name)
	}
	// Whoever can make temporary tables can put one before a real one.
	if state.temporary {
		statements = append(statements, "REVOKE TEMPORARY ON DATABASE "+database+" FROM PUBLIC")
	}
	// PostgreSQL 15 no longer grants this, but a database made before keeps it.
	if state.creates {
		statements = append(statements, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return explainGrant(err, login)
		}
	}
	return nil
}

// lostRace reports whether somebody else changed the same role just now.
func lostRace(err error) bool {
	var known *pgconn.PgError
	if !errors.As(err, &known) {
		return false
	}
	const duplicateObject, uniqueViolation, internalError = "42710", "23505", "XX000" // the last: tuple concurrently updated
	return known.Code == duplicateObject || known.Code == uniqueViolation || known.Code == internalError
}

// explainGrant says what an administrator can do where the owner may not.
func explainGrant(err error, login string) error {
	var known *pgconn.PgError
	const insufficientPrivilege = "42501"
	if errors.As(err, &known) && known.Code == insufficientPrivilege {
		return fmt.Errorf("%w; as an administrator run: CREATE ROLE %[2]s LOGIN NOINHERIT PASSWORD '…' (unless it exists); GRANT %[3]s TO %[2]s",
			err, pgx.Identifier{login}.Sanitize(), appRole)
	}
	return err
}
