package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

const (
	tenantA = "aaaaaaaa-0000-4000-8000-000000000001"
	tenantB = "bbbbbbbb-0000-4000-8000-000000000002"
)

// oneConn is a store that can't help using the same connection again.
func oneConn(t testing.TB, options Options) (store *Store, ownerURL string) {
	t.Helper()
	owner := pgtest.ForTest(t)
	options.URL, options.MaxConns = pgtest.Runtime(t, owner), 1
	store, err := New(context.Background(), options)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store, owner
}

func current(t *testing.T, db sqlcgen.DBTX) string {
	t.Helper()
	var client string
	require.NoError(t, db.QueryRow(t.Context(), `SELECT COALESCE(app_client()::text, 'nobody')`).Scan(&client))
	return client
}

func TestAConnectionKeepsNobodysClient(t *testing.T) {
	t.Parallel()
	store, _ := oneConn(t, Options{})
	a, b := scoped{store.pool, settingClient, tenantA}, scoped{store.pool, settingClient, tenantB}
	for range 3 { // the first prepares the statement, the others find it
		require.Equal(t, "nobody", current(t, store.pool))
		require.Equal(t, tenantA, current(t, a))
		require.Equal(t, "nobody", current(t, store.pool))
		require.Equal(t, tenantB, current(t, b))

		_, err := a.Exec(t.Context(), `SELECT 1/0`)
		require.Error(t, err)
		require.Equal(t, "nobody", current(t, store.pool), "after an error")

		stop := errors.New("stop")
		err = store.inTenant(t.Context(), tenantA, func(*sqlcgen.Queries) error { return stop })
		require.ErrorIs(t, err, stop)
		require.Equal(t, "nobody", current(t, store.pool), "after a rollback")
		require.NoError(t, store.inTenant(t.Context(), tenantA, func(*sqlcgen.Queries) error { return nil }))
		require.Equal(t, "nobody", current(t, store.pool), "after a commit")
	}
}

func TestScopedRowsGiveTheConnectionBack(t *testing.T) {
	t.Parallel()
	store, _ := oneConn(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	a := scoped{store.pool, settingClient, tenantA}

	rows, err := a.Query(ctx, `SELECT generate_series(1, 5000)`)
	require.NoError(t, err)
	count := 0
	for rows.Next() {
		count++
	}
	require.NoError(t, rows.Err())
	require.Equal(t, 5000, count)
	rows.Close() // once more does nothing

	rows, err = a.Query(ctx, `SELECT generate_series(1, 5000)`)
	require.NoError(t, err)
	require.True(t, rows.Next())
	rows.Close() // in the middle

	rows, err = a.Query(ctx, `SELECT 1/(3 - n) FROM generate_series(1, 5) n`)
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
	}
	require.ErrorContains(t, err, "division by zero")

	var n int
	require.ErrorIs(t, a.QueryRow(ctx, `SELECT 1 WHERE false`).Scan(&n), pgx.ErrNoRows)
	require.Error(t, a.QueryRow(ctx, `SELECT 'text'`).Scan(&n))
	require.NoError(t, a.QueryRow(ctx, `SELECT generate_series(1, 9)`).Scan(&n))
	require.Equal(t, 1, n)
	require.Equal(t, tenantA, current(t, a), "the one connection is free")
	require.Zero(t, store.pool.Stat().AcquiredConns())
}

// A statement's failure at commit must not look like success.
func TestScopedErrorsAtCommit(t *testing.T) {
	t.Parallel()
	store, owner := oneConn(t, Options{})
	ctx := t.Context()
	admin, err := pgx.Connect(ctx, owner)
	require.NoError(t, err)
	defer admin.Close(ctx)
	_, err = admin.Exec(ctx, `CREATE TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON late TO chatconnect_app`)
	require.NoError(t, err)
	a := scoped{store.pool, settingClient, tenantA}
	_, err = a.Exec(ctx, `INSERT INTO late VALUES (1), (1)`)
	requireUnique(t, err)
	var n int
	requireUnique(t, a.QueryRow(ctx, `INSERT INTO late VALUES (1), (1) RETURNING n`).Scan(&n))
	rows, err := a.Query(ctx, `INSERT INTO late VALUES (1), (1) RETURNING n`)
	require.NoError(t, err)
	for rows.Next() {
	}
	requireUnique(t, rows.Err())
}

func requireUnique(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, storeError(err), errExists)
}

func TestWhatIsNoClientIsNotFound(t *testing.T) {
	t.Parallel()
	store, _ := oneConn(t, Options{})
	for _, id := range []chatconnect.ClientID{"", "x", tenantA + " ", "' OR true --", "AAAAAAAA-0000-4000-8000-000000000001"} {
		_, err := store.tenant(id)
		require.ErrorIs(t, err, chatconnect.ErrNotFound)
		err = store.inTenant(t.Context(), id, func(*sqlcgen.Queries) error { t.Error("ran"); return nil })
		require.ErrorIs(t, err, chatconnect.ErrNotFound)
	}
}

func TestFailuresThatPass(t *testing.T) {
	t.Parallel()
	store, _ := oneConn(t, Options{StatementTimeout: 2 * time.Second}) // no other statement takes so long
	a := scoped{store.pool, settingClient, tenantA}
	_, err := a.Exec(t.Context(), `SELECT pg_sleep(30)`)
	require.ErrorIs(t, storeError(err), errUnavailable, "%v", err)

	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	_, err = store.Document(ctx, tenantA, tenantA)
	require.ErrorIs(t, err, errUnavailable)

	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	_, err = store.Document(ctx, tenantA, tenantA)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, errUnavailable, "nobody waits for it, and nothing is wrong with the database")
}

// BenchmarkTenantQuery shows what the client costs: compare with plain.
func BenchmarkTenantQuery(b *testing.B) {
	store, _ := oneConn(b, Options{})
	a := scoped{store.pool, settingClient, tenantA}
	const query = `SELECT count(*) FROM documents WHERE client_id = $1`
	var n int
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, store.pool.QueryRow(b.Context(), query, tenantA).Scan(&n))
		}
	})
	b.Run("scoped", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, a.QueryRow(b.Context(), query, tenantA).Scan(&n))
		}
	})
	b.Run("knowledge", func(b *testing.B) {
		for b.Loop() {
			_, err := store.Knowledge(b.Context(), tenantA)
			require.ErrorIs(b, err, chatconnect.ErrNotFound)
		}
	})
}
