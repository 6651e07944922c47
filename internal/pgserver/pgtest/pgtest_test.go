//go:build unix

package pgtest_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/schema"
)

func TestDatabasesAreFreshAndMigrated(t *testing.T) {
	t.Parallel()
	for range 3 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			url := pgtest.ForTest(t)
			t.Logf("database after %v", time.Since(began))
			conn, err := pgx.Connect(t.Context(), url)
			require.NoError(t, err)
			defer conn.Close(t.Context())
			var version, users int
			require.NoError(t, conn.QueryRow(t.Context(),
				`SELECT (SELECT max(version_id) FROM goose_db_version), (SELECT count(*) FROM users)`).Scan(&version, &users))
			require.Equal(t, schema.Version, version)
			require.Zero(t, users)
			_, err = conn.Exec(t.Context(), `INSERT INTO users (id, email, name, password_hash)
				VALUES (gen_random_uuid(), 'a@example.com', 'A', 'x')`)
			require.NoError(t, err)
		})
	}
}

func TestEmptyHasNoTables(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.Empty(t))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var tables int
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables))
	require.Zero(t, tables)
}
