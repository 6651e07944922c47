package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// The settings that policies read.
const (
	settingClient = "app.client_id"
	settingUser   = "app.user_id"
)

// tenant returns the queries of one client. Each is sent together with the
// setting that its policies read, in one round trip (see scoped).
func (s *Store) tenant(client chatconnect.ClientID) (*sqlcgen.Queries, error) {
	if !chatconnect.ValidUUID(string(client)) {
		return nil, chatconnect.ErrNotFound
	}
	return sqlcgen.New(scoped{s.pool, settingClient, string(client)}), nil
}

// member returns queries that read what belongs to a user's own clients.
func (s *Store) member(user chatconnect.UserID) (*sqlcgen.Queries, error) {
	if !chatconnect.ValidUUID(string(user)) {
		return nil, chatconnect.ErrNotFound
	}
	return sqlcgen.New(scoped{s.pool, settingUser, string(user)}), nil
}

// global returns the queries of what belongs to no client: accounts. A
// tenant's table looks empty to them.
func (s *Store) global() *sqlcgen.Queries { return sqlcgen.New(s.pool) }

// inTenant runs do in one transaction of the client. The client is set along
// with BEGIN, in the same round trip.
func (s *Store) inTenant(ctx context.Context, client chatconnect.ClientID, do func(*sqlcgen.Queries) error) error {
	if !chatconnect.ValidUUID(string(client)) { // also what makes the string below safe
		return chatconnect.ErrNotFound
	}
	begin := pgx.TxOptions{BeginQuery: fmt.Sprintf("BEGIN; SET LOCAL %s = '%s'", settingClient, client)}
	return storeError(pgx.BeginTxFunc(ctx, s.pool, begin, func(tx pgx.Tx) error { return do(sqlcgen.New(tx)) }))
}

// scoped sends every query in a batch behind set_config(…, true). A batch is
// one implicit transaction, so the setting ends with it: no connection goes
// back to the pool with someone's client on it.
type scoped struct {
	pool    *pgxpool.Pool
	setting string
	value   string
}

func (s scoped) send(ctx context.Context, sql string, args []any) (pgx.BatchResults, error) {
	batch := &pgx.Batch{}
	batch.Queue("SELECT set_config($1, $2, true)", s.setting, s.value)
	batch.Queue(sql, args...)
	results := s.pool.SendBatch(ctx, batch)
	if _, err := results.Exec(); err != nil {
		results.Close() // tells the same error
		return nil, err
	}
	return results, nil
}

func (s scoped) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	results, err := s.send(ctx, sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if closeErr := results.Close(); err == nil {
		err = closeErr // the commit
	}
	return tag, err
}

func (s scoped) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	results, err := s.send(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		results.Close() // tells the same error
		return nil, err
	}
	return &scopedRows{Rows: rows, results: results}, nil
}

func (s scoped) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := s.Query(ctx, sql, args...)
	return scopedRow{rows, err}
}

// scopedRows close the batch with the rows, which commits and gives the
// connection back; the commit's error is theirs.
type scopedRows struct {
	pgx.Rows
	results pgx.BatchResults
	closed  bool
	err     error
}

func (r *scopedRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *scopedRows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.Rows.Close()
	r.err = r.results.Close()
}

func (r *scopedRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

type scopedRow struct {
	rows pgx.Rows
	err  error
}

// Scan reads one row, or returns pgx.ErrNoRows.
func (r scopedRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
