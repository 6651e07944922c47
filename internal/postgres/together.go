package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// together runs reads of one client in one round trip and one snapshot. Each
// read makes exactly one query, and is called twice: first to learn the query,
// when it fails with errRecording, and then to take the query's rows.
func (s *Store) together(ctx context.Context, client chatconnect.ClientID, reads ...func(*sqlcgen.Queries) error) error {
	if !chatconnect.ValidUUID(string(client)) {
		return chatconnect.ErrNotFound
	}
	batch := &pgx.Batch{}
	batch.Queue("SELECT set_config($1, $2, true)", settingClient, string(client))
	recording := sqlcgen.New(recorder{batch})
	for i, read := range reads {
		if err := read(recording); !errors.Is(err, errRecording) || batch.Len() != i+2 {
			return errors.Join(errNotOneQuery, err)
		}
	}
	results := s.pool.SendBatch(ctx, batch)
	_, err := results.Exec()
	answers := sqlcgen.New(replayer{results})
	for _, read := range reads {
		if err == nil {
			err = read(answers)
		}
	}
	return errors.Join(err, results.Close())
}

var (
	errRecording   = errors.New("postgres: a query was noted, and not yet sent")
	errNotOneQuery = errors.New("postgres: a read of a batch makes exactly one query")
)

// recorder notes queries.
type recorder struct{ batch *pgx.Batch }

func (r recorder) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, errNotOneQuery
}

func (r recorder) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	r.batch.Queue(sql, args...)
	return nil, errRecording
}

func (r recorder) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	r.batch.Queue(sql, args...)
	return scopedRow{err: errRecording}
}

// replayer gives out a batch's results in order.
type replayer struct{ results pgx.BatchResults }

func (r replayer) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, errNotOneQuery
}

func (r replayer) Query(context.Context, string, ...any) (pgx.Rows, error) { return r.results.Query() }

func (r replayer) QueryRow(context.Context, string, ...any) pgx.Row { return r.results.QueryRow() }
