package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/document"
)

func TestMain(m *testing.M) {
	document.RunChildIfAsked()
	os.Exit(m.Run())
}

func TestCommands(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args, environ []string
		stdout, err   string
	}{
		{args: []string{"version"}, stdout: "\n"},
		{args: []string{"help"}, stdout: "Usage: chatconnect"},
		{args: nil, err: "Usage: chatconnect"},
		{args: []string{"serve", "now"}, err: `"serve now" is not a command`},
		{args: []string{"serve"}, err: "DATABASE_URL must be set"},
		{args: []string{"api"}, environ: []string{"DATABASE_URL=x", "REDIS_URL=x", "QDRANT_URL=http://x", "TEMPORAL_ADDRESS=x"}, err: "SESSION_SECRET must be set"},
		{args: []string{"migrate"}, err: "DATABASE_URL must be set"},
		{args: []string{"reindex"}, err: "TEMPORAL_ADDRESS must be set"},
		{args: []string{"reindex", "now"}, err: `"reindex now" is not a command`},
		{args: []string{"worker"}, environ: []string{"PORT=x"}, err: "Port"},
		{args: []string{"config", "check"}, environ: []string{"SESSION_SECRET=0123456789abcdef0123456789abcdef", "DATABASE_URL=x"}, stdout: "SESSION_SECRET", err: "REDIS_URL must be set"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			var stdout strings.Builder
			err := run(t.Context(), test.args, test.environ, &stdout, &strings.Builder{})
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
			require.Contains(t, stdout.String(), test.stdout)
			require.NotContains(t, stdout.String(), "0123456789abcdef")
		})
	}
}

func TestHealthAsksTheRightPort(t *testing.T) {
	t.Parallel()
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/readyz", r.URL.Path)
		w.WriteHeader(answer)
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	port := address[strings.LastIndex(address, ":")+1:]
	ask := func(args ...string) error {
		return run(t.Context(), args, []string{"HOST=127.0.0.1", "PORT=" + port, "METRICS_ADDR=" + address}, &strings.Builder{}, &strings.Builder{})
	}
	require.NoError(t, ask("health"))
	require.NoError(t, ask("health", "worker"))
	answer = http.StatusServiceUnavailable
	require.ErrorContains(t, ask("health"), "503")
	require.ErrorContains(t, ask("health", "worker"), "503")
}
