// Package schema holds the database: its migrations, run by goose, and the
// queries that sqlc turns into internal/postgres/sqlcgen.
//
// Migrations only go forward: a mistake is corrected by the next one, and each
// must work while the previous release still runs. They run as the owner of
// the database, who needs CREATEROLE once (or the two roles of 00001 made
// beforehand). Row level security is forced on the owner too, so a migration
// that changes tenants' rows must take FORCE off the table first and put it
// back, within its transaction.
//
// The package imports neither the domain nor any adapter.
package schema

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var files embed.FS

// Version is the number of the newest migration, the one this build needs.
const Version = 32

// lockKey serialises migrations of one database ("chatconn" in ASCII).
const lockKey = 0x63686174636f6e6e

// Migrations returns the migrations as files.
func Migrations() fs.FS {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the embedded directory is always there
	}
	return sub
}

// Migrate brings the database up to Version. It may run in several processes
// at once: one migrates, the others wait and find nothing left to do. It needs
// a direct connection or a pooler in session mode, for the lock belongs to the
// session.
func Migrate(ctx context.Context, databaseURL string) error {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	config.RuntimeParams["application_name"] = "chatconnect-migrate"
	// A migration may take long, but must not queue up behind a long
	// transaction for ever and make everyone else queue up behind it.
	config.RuntimeParams["lock_timeout"] = "30s"
	db := stdlib.OpenDB(*config)
	defer db.Close()

	provider, err := goose.NewProvider(goose.DialectPostgres, db, Migrations(),
		goose.WithSessionLocker(sessionLock{}), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// sessionLock is an advisory lock of PostgreSQL. Unlike goose's own it waits
// in the server instead of asking once a second.
type sessionLock struct{}

func (sessionLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	// The wait is bounded by ctx, not by lock_timeout.
	_, err := conn.ExecContext(ctx, `SET lock_timeout = 0`)
	if err == nil {
		_, err = conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(lockKey))
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, `RESET lock_timeout`)
	}
	if err != nil {
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	return nil
}

func (sessionLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_unlock($1)`, int64(lockKey)); err != nil {
		return fmt.Errorf("unlock migrations: %w", err)
	}
	return nil
}
