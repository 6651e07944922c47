package schema_test

import (
	"context"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/schema"
)

// applied lists the versions a database is at, oldest first.
func applied(t *testing.T, url string) []int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT version_id FROM goose_db_version WHERE version_id > 0 ORDER BY id`)
	require.NoError(t, err)
	versions, err := pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	return versions
}

// numbers are the migrations there are. A number that another branch has taken
// may be missing for a while.
func numbers(t *testing.T) []int {
	t.Helper()
	names, err := fs.Glob(schema.Migrations(), "*.sql")
	require.NoError(t, err)
	versions := make([]int, len(names))
	for i, name := range names {
		n, err := goose.NumericComponent(name)
		require.NoError(t, err)
		versions[i] = int(n)
	}
	return versions
}

func TestMigrateFromEmptyAndAgain(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	for range 2 {
		require.NoError(t, schema.Migrate(t.Context(), url))
		require.Equal(t, numbers(t), applied(t, url))
	}
}

// TestMigrateAtOnce is several processes starting together: the same as
// several connections, for the lock is the database's.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t)
	const processes = 5
	errs := make(chan error)
	for range processes {
		go func() { errs <- schema.Migrate(context.WithoutCancel(t.Context()), url) }()
	}
	for range processes {
		require.NoError(t, <-errs)
	}
	require.Equal(t, numbers(t), applied(t, url))
}

// Databases of one cluster share its roles, and may be migrated together.
func TestMigrateTwoDatabasesAtOnce(t *testing.T) {
	t.Parallel()
	errs := make(chan error)
	const databases = 3
	for range databases {
		url := pgtest.Empty(t)
		go func() { errs <- schema.Migrate(context.WithoutCancel(t.Context()), url) }()
	}
	for range databases {
		require.NoError(t, <-errs)
	}
}

func TestMigrateWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, schema.Migrate(ctx, pgtest.Empty(t)), context.Canceled)
	require.Error(t, schema.Migrate(t.Context(), "postgres://%zz"))
}

func TestVersionIsTheNewestMigration(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(schema.Migrations(), "*.sql")
	require.NoError(t, err)
	newest, err := goose.NumericComponent(names[len(names)-1])
	require.NoError(t, err)
	require.EqualValues(t, schema.Version, newest)
	require.NoError(t, fstest.TestFS(schema.Migrations(), names...))
}
