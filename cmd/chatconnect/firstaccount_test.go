package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
)

// An operator who starts an installation that strangers can reach reads, once,
// that its first account is still to be had.
func TestStartWarnsOfTheFirstAccount(t *testing.T) {
	t.Parallel()
	const warning = "the first account has not been created"
	environ := []string{
		"DATABASE_URL=" + pgtest.Runtime(t, pgtest.ForTest(t)), "REDIS_URL=redis://127.0.0.1:1", "QDRANT_URL=http://127.0.0.1:1", "TEMPORAL_ADDRESS=127.0.0.1:1",
		"SESSION_SECRET=0123456789abcdef0123456789abcdef", "UPLOAD_DIR=" + t.TempDir(), "HOST=0.0.0.0", "PORT=0", "METRICS_ADDR=off",
	}
	ctx, stop := context.WithCancel(t.Context())
	logs, stderr := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"api"}, environ, io.Discard, stderr)
		_ = stderr.Close()
		ended <- err
	}()
	warned := 0
	for lines := bufio.NewScanner(logs); lines.Scan(); {
		if strings.Contains(lines.Text(), warning) {
			require.Contains(t, lines.Text(), "run chatconnect user create")
			warned++
			stop()
		}
	}
	stop()
	require.NoError(t, <-ended)
	require.Equal(t, 1, warned)
}
