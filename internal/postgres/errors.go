package postgres

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	chatconnect "github.com/chatconnect/chatconnect"
)

var (
	errUnavailable = chatconnect.Errorf(chatconnect.KindUnavailable, "database_unavailable",
		"The database can't be reached at the moment. Please try again.")
	errLimits = chatconnect.Errorf(chatconnect.KindInvalid, "invalid_value", "A value is outside its limits.")
	errExists = chatconnect.Errorf(chatconnect.KindConflict, "already_exists", "This exists already.")
)

// storeError gives an error of PostgreSQL its meaning. What it doesn't know
// stays as it is and counts as internal; a cancelled context stays one.
func storeError(err error) error {
	var known *chatconnect.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, pgx.ErrNoRows):
		return chatconnect.ErrNotFound
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return errUnavailable.Because(err)
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return byCode(pgErr, err)
	}
	var netErr net.Error
	var connectErr *pgconn.ConnectError
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &connectErr) || errors.As(err, &netErr) || pgconn.SafeToRetry(err) {
		return errUnavailable.Because(err)
	}
	return err
}

// byCode maps SQLSTATE codes (PostgreSQL manual, appendix A).
func byCode(pg *pgconn.PgError, err error) error {
	switch pg.Code {
	case "23505": // unique_violation
		if pg.ConstraintName == "users_email" {
			return chatconnect.ErrEmailTaken.Because(err)
		}
		if pg.ConstraintName == "documents_content" {
			return chatconnect.ErrDuplicate.Because(err)
		}
		return errExists.Because(err)
	case "23503": // foreign_key_violation: what it belongs to is gone, or someone else's
		return chatconnect.ErrNotFound.Because(err)
	case "23514", "22001", "22003": // check_violation, too long, out of range
		return errLimits.Because(err)
	case "57014", "55P03", // statement timeout, lock timeout
		"40001", "40P01", // serialization failure, deadlock
		"57P01", "57P02", "57P03", "57P05", // shutting down, crashed, starting up, idle session cut
		"25P03": // idle in transaction cut
		return errUnavailable.Because(err)
	}
	switch pg.Code[:min(2, len(pg.Code))] {
	case "08", "53": // connection, insufficient resources
		return errUnavailable.Because(err)
	}
	return err
}
