//go:build unix

package pgserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// helperDir makes the test binary a launcher that starts a server there,
// says so, and waits to be killed.
const helperDir = "PGSERVER_TEST_HELPER_DIR"

// patience is with a busy machine.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		server, err := Start(context.Background(), Options{DataDir: dir, Timeout: patience})
		if err != nil {
			os.Stdout.WriteString("error: " + err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString(server.URL("postgres") + "\n")
		select {}
	}
	os.Exit(m.Run())
}

// newDir is a directory that the server's user can get to, unlike t.TempDir's.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgserver-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "pg")
}

// alive is false for zombies: in a container nobody may bury them. Nor is one
// alive that is on its way there, and has no directory any more.
func alive(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false
	}
	require.NoError(t, err)
	_, state, _ := strings.Cut(string(stat), ") ")
	_, err = os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return !strings.HasPrefix(state, "Z") && !errors.Is(err, fs.ErrNotExist)
}

// launch starts a launcher process and returns it with its server's URL.
func launch(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(line, "postgres://"), line)
	return cmd, strings.TrimSpace(line)
}

func start(t *testing.T, dir string) *Server {
	t.Helper()
	server, err := Start(t.Context(), Options{DataDir: dir, Timeout: patience})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	return server
}

func do(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
}

func count(t *testing.T, url string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM kept`).Scan(&n))
	return n
}

func TestDataOutlivesStopAndCrash(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), "a", "b")
	began := time.Now()
	server := start(t, dir)
	t.Logf("fresh start: %v", time.Since(began))
	require.NoError(t, server.EnsureDatabase(t.Context(), "My app"))
	require.NoError(t, server.EnsureDatabase(t.Context(), "My app"))
	do(t, server.URL("My app"), `CREATE TABLE kept (n int)`, `INSERT INTO kept VALUES (1)`)

	began = time.Now()
	server.Stop()
	server.Stop() // once more does nothing
	t.Logf("stop: %v", time.Since(began))
	select {
	case <-server.Done():
	default:
		t.Error("stopped, but not done")
	}
	require.Error(t, server.Ping(t.Context()))

	began = time.Now()
	server = start(t, dir)
	t.Logf("start on existing data: %v", time.Since(began))
	require.Equal(t, 1, count(t, server.URL("My app")))

	do(t, server.URL("My app"), `INSERT INTO kept VALUES (2)`)
	server.Kill()
	<-server.Done()
	server.Stop()
	began = time.Now()
	server = start(t, dir)
	t.Logf("start after a crash: %v", time.Since(began))
	require.Equal(t, 2, count(t, server.URL("My app")))
}

func TestASecondStartIsRefused(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	server := start(t, dir)
	var inUse *InUseError
	_, err := Start(t.Context(), Options{DataDir: dir})
	require.ErrorAs(t, err, &inUse)
	require.Equal(t, os.Getpid(), inUse.PID)
	require.ErrorContains(t, err, "in use by process")
	require.ErrorAs(t, Remove(dir), &inUse)
	require.NoError(t, server.Ping(t.Context()), "the first is not disturbed")

	server.Stop()
	require.NoError(t, Remove(dir))
	require.NoError(t, Remove(dir))
	require.NoDirExists(t, dir)
}

// A child that is just being started has copies of all open files, and so of
// the lock, until it runs its own program.
func TestALockIsGivenBackThoughAChildHasACopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := acquire(dir)
	require.NoError(t, err)
	fd, err := syscall.Dup(int(lock.Fd()))
	require.NoError(t, err)
	defer syscall.Close(fd)
	_, err = acquire(dir)
	require.Error(t, err)
	release(lock)
	again, err := acquire(dir)
	require.NoError(t, err)
	release(again)
}

// A server that another launcher's lock no longer covers: it is waited for,
// and refused if it stays.
func TestAServerThatStaysIsRefused(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	server := start(t, dir)
	release(server.lock)
	_, err := Start(t.Context(), Options{DataDir: dir, Timeout: 100 * time.Millisecond})
	var inUse *InUseError
	require.ErrorAs(t, err, &inUse)
	require.Equal(t, server.process.cmd.Process.Pid, inUse.PID)
	require.NoError(t, server.Ping(t.Context()))
}

func TestAStalePIDFileIsNoObstacle(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	server := start(t, dir)
	pidFile := filepath.Join(server.DataDir(), "data", "postmaster.pid")
	content, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	server.Stop()
	// The process id now is that of a live process with another purpose.
	_, rest, _ := strings.Cut(string(content), "\n")
	other := exec.Command("sleep", "60")
	other.SysProcAttr = &syscall.SysProcAttr{Credential: server.account.credential()}
	require.NoError(t, other.Start())
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	require.NoError(t, os.WriteFile(pidFile, []byte(strconv.Itoa(other.Process.Pid)+"\n"+rest), 0o600))
	require.NoError(t, server.account.own(pidFile))
	start(t, dir)
}

func TestKillingTheLauncherStopsTheServer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a parent-death signal")
	}
	dir := newDir(t)
	launcher, url := launch(t, dir)
	do(t, url, `CREATE TABLE kept (n int)`, `INSERT INTO kept VALUES (1)`)
	pid := postmaster(filepath.Join(dir, "data"))
	require.NotZero(t, pid)

	var inUse *InUseError
	_, err := Start(t.Context(), Options{DataDir: dir})
	require.ErrorAs(t, err, &inUse)
	require.Equal(t, launcher.Process.Pid, inUse.PID)

	// A session that a slow shutdown would wait for.
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	require.NoError(t, launcher.Process.Kill())
	_ = launcher.Wait()
	// At once, while it may still be shutting down.
	began := time.Now()
	server := start(t, dir)
	t.Logf("start after kill -9 of the launcher: %v", time.Since(began))
	require.Equal(t, 1, count(t, server.URL("postgres")))
	require.False(t, alive(t, pid), "one server after the other")
}

func TestInterruptedInitdbIsDoneAgain(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data.new", "base"), 0o700))
	server := start(t, dir)
	require.NoDirExists(t, filepath.Join(server.DataDir(), "data.new"))
}

func TestALongPathGetsItsSocketElsewhere(t *testing.T) {
	t.Parallel()
	server := start(t, filepath.Join(newDir(t), strings.Repeat("long", 30)))
	t.Cleanup(func() { _ = os.RemoveAll(server.socket) })
	require.NotContains(t, server.socket, "long")
	require.NoError(t, server.Ping(t.Context()))
}

func TestFailuresSayWhy(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{DataDir: newDir(t), BinDir: t.TempDir()})
	require.ErrorIs(t, err, ErrNoBinaries)
	require.ErrorContains(t, err, "apt-get install postgresql")
	_, err = Start(t.Context(), Options{})
	require.Error(t, err)

	dir := newDir(t)
	server := start(t, dir)
	server.Stop()
	require.NoError(t, os.WriteFile(filepath.Join(server.DataDir(), "data", "PG_VERSION"), []byte("9\n"), 0o600))
	_, err = Start(t.Context(), Options{DataDir: dir})
	require.ErrorContains(t, err, "did not start")
	require.ErrorContains(t, err, "incompatible with server")
	require.NoError(t, Remove(dir), "and the lock is free again")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Start(ctx, Options{DataDir: newDir(t)})
	require.ErrorIs(t, err, context.Canceled)
}
