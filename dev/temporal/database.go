package temporal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives/timestamp"
	schema "go.temporal.io/server/schema/sqlite"
	_ "modernc.org/sqlite" // the driver the server registers too, under the name "sqlite"
)

// ErrOtherVersion refuses a database that another version of the server
// created: the SQLite schema has no migrations.
var ErrOtherVersion = errors.New("the state was written by another version of the Temporal server")

// schemaVersion is what this server's schema is called in schema_note.
const schemaVersion = schema.Version + "/" + schema.VisibilityVersion

// prepareDatabase brings the database to the point where the server can start:
// schema and namespace exist.
func prepareDatabase(ctx context.Context, opts Options, cfg *config.Config) error {
	for _, file := range []string{databaseFile(opts.Dir), visibilityFile(opts.Dir)} {
		if err := createSchema(ctx, file); err != nil {
			return err
		}
	}
	namespace, err := schema.NewNamespaceConfig(clusterName, opts.Namespace, false, nil)
	if err != nil {
		return fmt.Errorf("namespace %q: %w", opts.Namespace, err)
	}
	namespace.Detail.Config.Retention = timestamp.DurationPtr(opts.Retention)
	if err := schema.CreateNamespaces(cfg.Persistence.DataStores[sqlite.PluginName].SQL, namespace); err != nil {
		return fmt.Errorf("namespace %q: %w", opts.Namespace, err)
	}
	return nil
}

// createSchema creates the server's tables, all or none: a process killed on
// the way leaves an empty database, not a half-made one.
func createSchema(ctx context.Context, file string) (err error) {
	dsn := url.URL{Scheme: "file", Opaque: file, RawQuery: "_pragma=journal_mode(wal)&_pragma=busy_timeout(10000)&_txlock=immediate"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return fmt.Errorf("open %s: %w", file, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("open %s: %w", file, err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit

	var version string
	switch err := tx.QueryRowContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'chatconnect_schema'`).Scan(&version); {
	case err == nil:
		if err := tx.QueryRowContext(ctx, `SELECT version FROM chatconnect_schema`).Scan(&version); err != nil {
			return fmt.Errorf("read the schema version of %s: %w", file, err)
		}
		if version != schemaVersion {
			return fmt.Errorf("%w: schema %s in %s, %s expected", ErrOtherVersion, version, file, schemaVersion)
		}
		return nil
	case !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("read %s: %w", file, err)
	}
	if err := schema.SetupSchemaOnDB(schemaWriter{ctx: ctx, tx: tx}); err != nil {
		return fmt.Errorf("create the schema in %s: %w", file, err)
	}
	if _, err := tx.ExecContext(ctx, `CREATE TABLE chatconnect_schema AS SELECT ? AS version`, schemaVersion); err != nil {
		return fmt.Errorf("create the schema in %s: %w", file, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("create the schema in %s: %w", file, err)
	}
	return os.Chmod(file, 0o600)
}

// schemaWriter lets the server's schema be written inside our transaction.
// SetupSchemaOnDB calls nothing but Exec; any other method would panic on the
// nil interface, and the first test would show it.
type schemaWriter struct {
	sqlplugin.AdminDB
	ctx context.Context
	tx  *sql.Tx
}

func (w schemaWriter) Exec(statement string, args ...any) error {
	_, err := w.tx.ExecContext(w.ctx, statement, args...)
	return err
}
