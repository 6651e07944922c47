package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/schema"
)

var (
	_ chatconnect.UserStore     = (*Store)(nil)
	_ chatconnect.ClientStore   = (*Store)(nil)
	_ chatconnect.DocumentStore = (*Store)(nil)
	_ chatconnect.ChatStore     = (*Store)(nil)
	_ chatconnect.BudgetStore   = (*Store)(nil)
	_ chatconnect.OperatorStore = (*Store)(nil)
)

// Role is what every connection becomes. The login of the URL must be a
// member; schema.GrantRuntime makes it one, and it should be nothing more.
const Role = "chatconnect_app"

// Options of a Store. Zero values take the defaults given.
type Options struct {
	URL      string // postgres://…
	MaxConns int    // 20
	// StatementTimeout bounds each statement in the server (15 s), LockTimeout
	// its wait for one lock (5 s).
	StatementTimeout time.Duration
	LockTimeout      time.Duration
	ConnectTimeout   time.Duration         // 5 s
	Allowance        chatconnect.Allowance // what clients and accounts may have; none is bounded unless set
	Tracer           pgx.QueryTracer
}

func (o Options) withDefaults() Options {
	if o.MaxConns <= 0 {
		o.MaxConns = 20
	}
	if o.StatementTimeout <= 0 {
		o.StatementTimeout = 15 * time.Second
	}
	if o.LockTimeout <= 0 {
		o.LockTimeout = 5 * time.Second
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 5 * time.Second
	}
	return o
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	// pool is not to be queried directly for tenants' tables: it would see
	// nothing. tenant, member and inTenant set whom the query is for.
	pool      *pgxpool.Pool
	allowance chatconnect.Allowance
}

// New connects, and checks that the schema is there and that row level
// security binds the connections. It never migrates: schema.Migrate does.
func New(ctx context.Context, options Options) (*Store, error) {
	options = options.withDefaults()
	config, err := pgxpool.ParseConfig(options.URL)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	config.MaxConns = int32(min(options.MaxConns, 10_000))
	config.MaxConnIdleTime = 10 * time.Minute
	config.MaxConnLifetime = time.Hour
	config.MaxConnLifetimeJitter = 10 * time.Minute
	config.ConnConfig.ConnectTimeout = options.ConnectTimeout
	config.ConnConfig.Tracer = options.Tracer
	parameters := config.ConnConfig.RuntimeParams
	if parameters["application_name"] == "" {
		parameters["application_name"] = "chatconnect"
	}
	parameters["timezone"] = "UTC"
	parameters["statement_timeout"] = milliseconds(options.StatementTimeout)
	parameters["lock_timeout"] = milliseconds(options.LockTimeout)
	parameters["idle_in_transaction_session_timeout"] = milliseconds(2 * options.StatementTimeout)
	config.AfterConnect = assumeRole

	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	store := &Store{pool: pool, allowance: options.Allowance}
	if err := store.checkSchema(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return store, nil
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d", d.Milliseconds()) }

// errBypass refuses a connection on which policies would not hold.
var errBypass = errors.New("role " + Role + " may bypass row level security; take SUPERUSER and BYPASSRLS away from it")

// assumeRole turns a new connection into the role that policies bind.
func assumeRole(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "SET ROLE "+Role); err != nil {
		return fmt.Errorf("become %s (has the database been migrated, and is the login a member of the role?): %w", Role, err)
	}
	var bypass bool
	err := conn.QueryRow(ctx, `SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user`).Scan(&bypass)
	if err != nil {
		return fmt.Errorf("check role %s: %w", Role, err)
	}
	if bypass {
		return errBypass
	}
	return nil
}

// checkSchema refuses a database older than this build. A newer one is fine:
// while a release is rolled out, the old one still runs.
func (s *Store) checkSchema(ctx context.Context) error {
	var version int64
	err := s.pool.QueryRow(ctx, `SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	if err != nil {
		return fmt.Errorf("schema version: %w", storeError(err))
	}
	if version < schema.Version {
		return fmt.Errorf("the database's schema is at version %d, this build needs %d: run chatconnect migrate", version, schema.Version)
	}
	return nil
}

// Ping reports whether the database answers, as KindUnavailable if not.
func (s *Store) Ping(ctx context.Context) error {
	return storeError(s.pool.Ping(ctx))
}

// Close waits for queries in flight and closes all connections.
func (s *Store) Close() { s.pool.Close() }
