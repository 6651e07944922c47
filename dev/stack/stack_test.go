package stack

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
)

// helperHome makes this test binary run a stack there instead of the tests.
const helperHome = "CHATCONNECT_STACK_TEST_HOME"

func TestMain(m *testing.M) {
	if home := os.Getenv(helperHome); home != "" {
		stack, err := Start(context.Background(), Options{Home: home, WithoutUI: true, Unsafe: true})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		for _, pair := range stack.Environ() {
			fmt.Println(pair)
		}
		fmt.Println()
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test lets go
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serving checks that every part in the environment answers, and returns the
// number of rows in a table that it also adds a row to.
func serving(t *testing.T, env environ) int {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, env["MIGRATE_DATABASE_URL"])
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	var rows int
	_, err = conn.Exec(ctx, `CREATE TABLE IF NOT EXISTS starts (at timestamptz DEFAULT now())`)
	require.NoError(t, err)
	_, err = conn.Exec(ctx, `INSERT INTO starts DEFAULT VALUES`)
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(ctx, `SELECT count(*) FROM starts`).Scan(&rows))

	options, err := goredis.ParseURL(env["REDIS_URL"])
	require.NoError(t, err)
	redis := goredis.NewClient(options)
	defer func() { _ = redis.Close() }()
	require.NoError(t, redis.Ping(ctx).Err())

	temporal, err := client.Dial(client.Options{
		HostPort: env["TEMPORAL_ADDRESS"], Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: time.Minute},
	})
	require.NoError(t, err)
	temporal.Close()
	require.True(t, strings.HasPrefix(env["QDRANT_URL"], "http://127.0.0.1:"))
	return rows
}

func TestStartTwiceOnTheSameState(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	home := tempHome(t)
	first, err := Start(ctx, Options{Home: home, Unsafe: true})
	require.NoError(t, err)
	for _, part := range first.Parts {
		t.Logf("%-10s %v", part.Name, part.Took.Round(time.Millisecond))
	}
	require.Equal(t, 1, serving(t, parseEnviron(first.Environ())))
	require.NotEmpty(t, first.TemporalUIURL())

	// While it runs, neither a second one nor a reset may touch the state.
	var running *RunningError
	_, err = Start(ctx, Options{Home: home})
	require.ErrorAs(t, err, &running)
	require.Equal(t, os.Getpid(), running.PID)
	require.ErrorAs(t, Reset(home), &running)

	stop(t, first)
	second, err := Start(ctx, Options{Home: home, Unsafe: true, WithoutUI: true})
	require.NoError(t, err)
	require.Equal(t, 2, serving(t, parseEnviron(second.Environ())), "the database was kept")
	require.Equal(t, parseEnviron(first.Environ())["SESSION_SECRET"], parseEnviron(second.Environ())["SESSION_SECRET"])
	stop(t, second)

	require.NoError(t, Reset(home))
	entries, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Len(t, entries, 1, "only the lock stays")
}

func TestOnlyWhatIsMissingIsStarted(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	stack, err := Start(t.Context(), Options{Home: tempHome(t), Environ: []string{
		"DATABASE_URL=postgres://db/chatconnect", "TEMPORAL_ADDRESS=temporal:7233", "QDRANT_URL=http://qdrant:6334",
		"SESSION_SECRET_FILE=" + secret, "PORT=1234",
	}})
	require.NoError(t, err)
	defer stop(t, stack)
	require.Len(t, stack.Parts, 1)
	require.Equal(t, "Redis", stack.Parts[0].Name)
	env := parseEnviron(stack.Environ())
	require.Equal(t, "postgres://db/chatconnect", env["DATABASE_URL"])
	require.Equal(t, "1234", env["PORT"])
	require.NotContains(t, env, "SESSION_SECRET", "it is in a file")
	require.Len(t, env["INTERNAL_API_SECRET"], 52)
	require.Empty(t, stack.TemporalUIURL())
}

// TestKillLeavesNothing kills a stack with -9: its database dies with it, and
// the next start finds everything in order.
func TestKillLeavesNothing(t *testing.T) {
	t.Parallel()
	home := tempHome(t)
	for round := 1; round <= 2; round++ {
		helper, env := startHelper(t, home)
		require.Equal(t, round, serving(t, env))
		require.NoError(t, helper.Process.Kill())
		_ = helper.Wait() // reports the kill
	}
	stack, err := Start(t.Context(), Options{Home: home, Unsafe: true, WithoutUI: true})
	require.NoError(t, err)
	defer stop(t, stack)
	require.Equal(t, 3, serving(t, parseEnviron(stack.Environ())))
}

func TestPartThatEndsIsReported(t *testing.T) {
	t.Parallel()
	stack, err := Start(t.Context(), Options{Home: tempHome(t), Unsafe: true, WithoutUI: true, Environ: []string{
		"TEMPORAL_ADDRESS=temporal:7233", "QDRANT_URL=http://qdrant:6334", "REDIS_URL=redis://redis",
	}})
	require.NoError(t, err)
	defer stop(t, stack)
	stack.postgres.Kill()
	select {
	case <-stack.Failed():
		require.ErrorContains(t, stack.Err(), "PostgreSQL")
	case <-time.After(time.Minute):
		t.Fatal("nobody noticed")
	}
}

// tempHome is a state directory for a test. Root's database lies elsewhere (see
// pgserver.ResolveDataDir), so removing the directory alone would not do.
func tempHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Cleanup(func() { require.NoError(t, Reset(home)) })
	return home
}

func stop(t *testing.T, stack *Stack) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	began := time.Now()
	require.NoError(t, stack.Stop(ctx))
	t.Logf("stopped in %v", time.Since(began).Round(time.Millisecond))
}

func startHelper(t *testing.T, home string) (*exec.Cmd, environ) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperHome+"="+home)
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe() // closed when this process ends, which ends the helper
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // may have been waited for
	})
	var pairs []string
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && lines.Text() != "" {
		pairs = append(pairs, lines.Text())
	}
	env := parseEnviron(pairs)
	require.NotEmpty(t, env["DATABASE_URL"], pairs)
	return cmd, env
}
