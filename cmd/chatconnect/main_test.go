package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/document"
	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

func TestMain(m *testing.M) {
	document.RunChildIfAsked()
	os.Exit(m.Run())
}

const restPort6333 = "QDRANT_URL points at the REST port 6333; ChatConnect speaks gRPC, usually port 6334"

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
		{args: []string{"api"}, environ: []string{"INTERNAL_API_SECRET=guess me"}, err: "INTERNAL_API_SECRET has 8 characters; it must have at least 32"},
		{args: []string{"config", "check"}, environ: []string{"INTERNAL_API_SECRET=guess me"}, err: "INTERNAL_API_SECRET has 8 characters; it must have at least 32"},
		{args: []string{"reindex"}, err: "TEMPORAL_ADDRESS must be set"},
		{args: []string{"reindex", "now"}, err: `"reindex now" is not a command`},
		{args: []string{"worker"}, environ: []string{"PORT=x"}, err: "Port"},
		{args: []string{"config", "check"}, environ: []string{"SESSION_SECRET=0123456789abcdef0123456789abcdef", "DATABASE_URL=x"}, stdout: "SESSION_SECRET", err: "REDIS_URL must be set"},
		{args: []string{"config", "check"}, environ: []string{"QDRANT_URL=http://qdrant.invalid:6333"}, stdout: "QDRANT_URL", err: restPort6333},
		{args: []string{"serve"}, environ: []string{"DATABASE_URL=x", "REDIS_URL=x", "QDRANT_URL=http://qdrant.invalid:6333", "TEMPORAL_ADDRESS=x", "SESSION_SECRET=0123456789abcdef0123456789abcdef"}, err: restPort6333},
		{args: []string{"config", "check"}, environ: []string{"DATABASE_URL=postgres://x@127.0.0.1:1/x"}, stdout: "database login: not checked", err: "REDIS_URL must be set"},
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

// TestRESTPortOfQdrant: a process given the REST port, whatever its number,
// says so and ends; it waited for ever.
func TestRESTPortOfQdrant(t *testing.T) {
	t.Parallel()
	rest := httptest.NewServer(http.NotFoundHandler())
	defer rest.Close()
	environ := []string{
		"DATABASE_URL=postgres://u:p@127.0.0.1:1/x", "REDIS_URL=redis://127.0.0.1:1", "QDRANT_URL=" + rest.URL, "TEMPORAL_ADDRESS=127.0.0.1:1",
		"SESSION_SECRET=0123456789abcdef0123456789abcdef", "UPLOAD_DIR=" + t.TempDir(), "PORT=0", "METRICS_ADDR=off",
	}
	for _, args := range [][]string{{"api"}, {"worker"}, {"config", "check"}} {
		var err error
		for began := time.Now(); time.Since(began) < time.Minute; { // the port has five seconds to answer, and a busy machine may need longer
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			err = run(ctx, args, environ, io.Discard, io.Discard)
			require.NoError(t, ctx.Err(), "%v hangs", args)
			cancel()
			if err != nil && strings.Contains(err.Error(), "REST port") {
				break
			}
		}
		require.ErrorContains(t, err, "QDRANT_URL points at the REST port ", "%v", args)
		require.ErrorContains(t, err, "ChatConnect speaks gRPC, usually port 6334", "%v", args)
	}
}

const reportSecret = "0123456789abcdef0123456789abcdef"

const healthReport = `{"status":"ok","version":"1.2.3",
	"dependencies":{"redis":{"status":"up","latencyMs":0.42},"postgres":{"status":"down","latencyMs":2000}},
	"queues":[{"name":"chat","status":"ok","backlog":12,"oldestTaskSeconds":90,"pollers":1,"lastPollAt":"2026-11-30T03:00:00Z"},
		{"name":"parsing","status":"unknown","backlog":0,"oldestTaskSeconds":0,"pollers":0}],
	"workers":[{"identity":"1@a","queues":["chat","parsing"],"lastSeenAt":"2026-11-30T03:00:00Z"}],
	"notice":"Run it."}`

// TestHealthPrintsTheReport to those who have the secret, or ask a worker.
func TestHealthPrintsTheReport(t *testing.T) {
	t.Parallel()
	var guarded atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/readyz":
		case guarded.Load() && r.Header.Get("X-Internal-Secret") != reportSecret:
			fmt.Fprint(w, `{"status":"ok"}`)
		default:
			fmt.Fprint(w, healthReport)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	port := address[strings.LastIndex(address, ":")+1:]
	ask := func(environ []string, args ...string) string {
		var stdout strings.Builder
		require.NoError(t, run(t.Context(), args, append(environ, "HOST=127.0.0.1", "PORT="+port, "METRICS_ADDR="+address), &stdout, io.Discard))
		return stdout.String()
	}
	reported := func(printed string) {
		t.Helper()
		require.Regexp(t, `(?m)^status ok, version 1\.2\.3$`, printed)
		require.Regexp(t, `(?m)^postgres +down +2000\.0 ms$`, printed)
		require.Regexp(t, `(?m)^chat +ok +12 +1m30s +1 +\S+ ago$`, printed)
		require.Regexp(t, `(?m)^parsing +unknown +- +- +- +-$`, printed)
		require.Regexp(t, `(?m)^1@a +chat, parsing +\S+ ago$`, printed)
		require.Contains(t, printed, "Run it.")
	}
	reported(ask(nil, "health", "worker"))
	guarded.Store(true)
	reported(ask([]string{"INTERNAL_API_SECRET=" + reportSecret}, "health"))
	require.Empty(t, ask(nil, "health"), "without the secret it is asked for nothing")
}

func TestHealthAsksTheRightPort(t *testing.T) {
	t.Parallel()
	answer := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.NotFound(w, r)
			return
		}
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

// `config check` asks the database what the product's login may do there.
func TestConfigCheckKnowsTheDatabaseLogin(t *testing.T) {
	t.Parallel()
	owner := pgtest.ForTest(t)
	check := func(databaseURL string) string {
		var stdout strings.Builder
		_ = run(t.Context(), []string{"config", "check"}, []string{"DATABASE_URL=" + databaseURL}, &stdout, &strings.Builder{})
		return stdout.String()
	}
	require.Contains(t, check(owner), "WARNING: database login postgres: is a superuser")
	require.Contains(t, check(pgtest.Runtime(t, owner)), "database login: chatconnect_runtime owns nothing and can become chatconnect_app only")
}

// `migrate` prepares the runtime login, with which API and worker then start.
func TestMigratePreparesTheRuntimeLogin(t *testing.T) {
	t.Parallel()
	owner := pgtest.Empty(t)
	u, err := url.Parse(owner)
	require.NoError(t, err)
	u.User = url.User("chatconnect_runtime")
	environ := []string{"MIGRATE_DATABASE_URL=" + owner, "DATABASE_URL=" + u.String()}
	require.NoError(t, run(t.Context(), []string{"migrate"}, environ, &strings.Builder{}, &strings.Builder{}))
	store, err := postgres.New(t.Context(), postgres.Options{URL: u.String()})
	require.NoError(t, err)
	store.Close()
}
