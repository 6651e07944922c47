package redis

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// patience is with a busy machine.
const patience = time.Minute

func start(t *testing.T, dir string) (*Server, *goredis.Client) {
	t.Helper()
	server, err := Start(Options{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	opts, err := goredis.ParseURL(server.URL())
	require.NoError(t, err)
	client := goredis.NewClient(opts)
	t.Cleanup(func() { _ = client.Close() })
	return server, client
}

func TestSmallValuesSurviveARestart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	server, client := start(t, dir)
	require.NoError(t, client.Set(ctx, "session", "\x00user", time.Hour).Err())
	require.NoError(t, client.Set(ctx, "forever", "x", 0).Err())
	require.NoError(t, client.Set(ctx, "brief", "x", 2*time.Second).Err())
	require.NoError(t, client.Set(ctx, "large", strings.Repeat("x", maxKeptValue+1), time.Hour).Err())
	require.NoError(t, client.RPush(ctx, "list", "x").Err())
	require.NoError(t, server.Close())

	_, client = start(t, dir)
	keys, err := client.Keys(ctx, "*").Result()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"session", "forever"}, keys)
	require.Equal(t, "\x00user", client.Get(ctx, "session").Val())
	require.InDelta(t, time.Hour, client.TTL(ctx, "session").Val(), float64(2*patience))
	require.Equal(t, time.Duration(-1), client.TTL(ctx, "forever").Val())
}

// TestSnapshotsWhileRunning is what a kill leaves: nothing was closed.
func TestSnapshotsWhileRunning(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()
	_, client := start(t, dir)
	require.NoError(t, client.Set(ctx, "session", "user", time.Hour).Err())
	file := filepath.Join(dir, "snapshot.json")
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(content), `"session"`)
	}, patience, 20*time.Millisecond, "the session is not in the snapshot")

	copied := t.TempDir()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(copied, "snapshot.json"), content, 0o600))
	_, client = start(t, copied)
	require.Equal(t, "user", client.Get(ctx, "session").Val())
}

func TestKeysExpire(t *testing.T) {
	t.Parallel()
	_, client := start(t, "")
	ctx := t.Context()
	require.NoError(t, client.Set(ctx, "lasting", "value", time.Hour).Err())
	// In one step: another might come after the key's end.
	var read *goredis.StringCmd
	_, err := client.TxPipelined(ctx, func(p goredis.Pipeliner) error {
		p.Set(ctx, "key", "value", 400*time.Millisecond)
		read = p.Get(ctx, "key")
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "value", read.Val())
	require.Eventually(t, func() bool {
		return client.Get(ctx, "key").Err() == goredis.Nil //nolint:errorlint // the sentinel is returned as it is
	}, patience, 20*time.Millisecond, "the key does not expire")
	require.Equal(t, "value", client.Get(ctx, "lasting").Val())
}

func TestDamagedSnapshotIsAnEmptyCache(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "snapshot.json"), []byte(`{"a":`), 0o600))
	_, client := start(t, dir)
	require.Zero(t, client.DBSize(t.Context()).Val())
}
