package schema_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/schema"
)

// PostgreSQL makes a verifier of its own; with its salt ours is the same.
func TestScramVerifierIsPostgres(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.Empty(t))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(t.Context())) }()
	const password = `it's 100% "secret" \ $1`
	_, err = tx.Exec(t.Context(), `CREATE ROLE scram_test PASSWORD `+"'"+strings.ReplaceAll(password, "'", "''")+"'")
	require.NoError(t, err)
	var stored string
	require.NoError(t, tx.QueryRow(t.Context(), `SELECT rolpassword FROM pg_authid WHERE rolname = 'scram_test'`).Scan(&stored))
	fields := strings.FieldsFunc(stored, func(r rune) bool { return r == '$' || r == ':' })
	require.Len(t, fields, 5, stored)
	salt, err := base64.StdEncoding.DecodeString(fields[2])
	require.NoError(t, err)
	got, err := schema.ScramVerifier(password, salt)
	require.NoError(t, err)
	require.Equal(t, stored, got)

	_, err = schema.ScramVerifier("pässword", salt)
	require.Error(t, err)
}
