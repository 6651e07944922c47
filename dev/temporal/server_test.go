package temporal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.temporal.io/server/common/primitives"
	"log/slog"
)

// helperDir makes this test binary run a server in that directory instead of
// the tests, so that a test can kill it.
const helperDir = "CHATCONNECT_TEMPORAL_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		server, err := Start(context.Background(), Options{Dir: dir, UIPort: -1})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("address", server.Address())
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test lets go
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// patience is with a busy machine.
const patience = time.Minute

func quiet() sdklog.Logger {
	return sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
}

func dial(t *testing.T, address string) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{
		HostPort: address, Logger: quiet(), ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: patience},
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// twoSteps runs one activity, waits for a signal and runs another.
func twoSteps(ctx workflow.Context, name string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: patience})
	var first, second string
	if err := workflow.ExecuteActivity(ctx, "Greet", name).Get(ctx, &first); err != nil {
		return "", err
	}
	workflow.GetSignalChannel(ctx, "go on").Receive(ctx, nil)
	if err := workflow.ExecuteActivity(ctx, "Greet", "again "+name).Get(ctx, &second); err != nil {
		return "", err
	}
	return first + ", " + second, nil
}

// runWorker serves twoSteps and counts the greetings.
func runWorker(t *testing.T, c client.Client, greetings chan<- string) sdkworker.Worker {
	t.Helper()
	w := sdkworker.New(c, "test", sdkworker.Options{})
	w.RegisterWorkflow(twoSteps)
	w.RegisterActivityWithOptions(func(_ context.Context, name string) (string, error) {
		greetings <- name
		return "hello " + name, nil
	}, activityName("Greet"))
	require.NoError(t, w.Start())
	return w
}

func TestStartServesWorkflowsAndTheUI(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	began := time.Now()
	server, err := Start(ctx, Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Logf("started in %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		began := time.Now()
		require.NoError(t, server.Stop(ctx))
		t.Logf("stopped in %v", time.Since(began).Round(time.Millisecond))
		require.NoError(t, server.Err())
	})

	c := dial(t, server.Address())
	greetings := make(chan string, 10)
	w := runWorker(t, c, greetings)
	defer w.Stop()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w", TaskQueue: "test"}, twoSteps, "Ada")
	require.NoError(t, err)
	require.NoError(t, c.SignalWorkflow(ctx, "w", "", "go on", nil))
	var result string
	require.NoError(t, run.Get(ctx, &result))
	require.Equal(t, "hello Ada, hello again Ada", result)

	namespace, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: server.Namespace()})
	require.NoError(t, err)
	require.Equal(t, 72*time.Hour, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())

	for path, want := range map[string]string{
		"/":                                    "<!doctype html>",
		"/api/v1/namespaces/default":           `"default"`,
		"/api/v1/namespaces/default/workflows": "twoSteps",
	} {
		require.Eventually(t, func() bool { // the list of workflows is written asynchronously
			status, body := get(t, server.UIURL()+path)
			return status == http.StatusOK && strings.Contains(strings.ToLower(body), strings.ToLower(want))
		}, patience, 50*time.Millisecond, path)
	}

	// A page that rebinds its DNS name to this machine reads nothing.
	rebound, err := http.NewRequestWithContext(ctx, http.MethodGet, server.UIURL()+"/api/v1/namespaces", nil)
	require.NoError(t, err)
	rebound.Host = "evil.example"
	response, err := http.DefaultClient.Do(rebound)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusMisdirectedRequest, response.StatusCode)
}

// TestKilledServerContinues kills a server while a workflow runs and starts
// another on the same directory, with other ports.
func TestKilledServerContinues(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := t.TempDir()

	first := startHelper(t, dir)
	c := dial(t, first.address)
	greetings := make(chan string, 10)
	w := runWorker(t, c, greetings)
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w", TaskQueue: "test"}, twoSteps, "Ada")
	require.NoError(t, err)
	require.Equal(t, "Ada", <-greetings)
	waitForSignalWait(t, c, "w")
	first.kill(t)
	w.Stop()

	began := time.Now()
	second := startHelper(t, dir)
	t.Logf("restarted in %v", time.Since(began).Round(time.Millisecond))
	require.NotEqual(t, first.address, second.address)
	c = dial(t, second.address)
	w = runWorker(t, c, greetings)
	defer w.Stop()
	require.NoError(t, c.SignalWorkflow(ctx, "w", "", "go on", nil))
	var result string
	require.NoError(t, c.GetWorkflow(ctx, "w", "").Get(ctx, &result))
	t.Logf("continued %v after the restart began", time.Since(began).Round(time.Millisecond))
	require.Equal(t, "hello Ada, hello again Ada", result)
	require.Equal(t, "again Ada", <-greetings, "the first activity must not run again")
}

// TestKilledWhileStartingFirst kills servers at arbitrary moments of their
// first start; whatever they leave behind, the next one starts.
func TestKilledWhileStartingFirst(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts several processes")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "temporal.db")
	for round := range 4 {
		helper := spawnHelper(t, dir)
		// The moments: file created, and then ever later.
		require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, patience, time.Millisecond, "%s is not made", file)
		time.Sleep(time.Duration(round) * 8 * time.Millisecond)
		helper.kill(t)
	}
	helper := startHelper(t, dir)
	_, err := dial(t, helper.address).CheckHealth(t.Context(), &client.CheckHealthRequest{})
	require.NoError(t, err)
}

func TestTakenPortIsAnError(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	_, err = Start(t.Context(), Options{Dir: t.TempDir(), Port: listener.Addr().(*net.TCPAddr).Port, UIPort: -1})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
}

// A port that another process takes between the choice and the server's own
// bind is an error to be tried again with other ports, not the process's end.
func TestPortTakenMeanwhileIsAnError(t *testing.T) {
	t.Parallel()
	for _, service := range []primitives.ServiceName{frontend, history, matching, worker} {
		taken, err := net.Listen("tcp", loopback+":0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = taken.Close() })
		opts := Options{Dir: t.TempDir(), UIPort: -1}
		opts.setDefaults()
		_, err = start(t.Context(), opts, func(port int) (ports, error) {
			chosen, err := choosePorts(port)
			if err == nil {
				chosen[service] = taken.Addr().(*net.TCPAddr).Port
			}
			return chosen, err
		})
		require.ErrorIs(t, err, errFatal, service)
	}
}

func TestOtherSchemaIsRefused(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	require.NoError(t, createSchema(t.Context(), file))
	require.NoError(t, createSchema(t.Context(), file), "a second time changes nothing")
	rewriteVersion(t, file, "0.1/0.1")
	require.ErrorIs(t, createSchema(t.Context(), file), ErrOtherVersion)
}

// helper is a server in a process of its own.
type helper struct {
	cmd     *exec.Cmd
	out     *bufio.Reader
	address string
	dead    atomic.Bool
}

func spawnHelper(t *testing.T, dir string) *helper {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe() // closed when this process ends, which ends the helper
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	h := &helper{cmd: cmd, out: bufio.NewReader(stdout)}
	t.Cleanup(func() { h.kill(t) })
	return h
}

func startHelper(t *testing.T, dir string) *helper {
	t.Helper()
	h := spawnHelper(t, dir)
	line, err := h.out.ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "address ")
	require.True(t, ok, line)
	h.address = address
	return h
}

// kill is kill -9, and waits for the end.
func (h *helper) kill(t *testing.T) {
	t.Helper()
	if h.dead.CompareAndSwap(false, true) {
		require.NoError(t, h.cmd.Process.Kill())
		_ = h.cmd.Wait() // reports the kill
	}
}

// waitForSignalWait returns once the workflow has nothing to do but to wait.
func waitForSignalWait(t *testing.T, c client.Client, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		described, err := c.DescribeWorkflowExecution(t.Context(), id, "")
		return err == nil && len(described.GetPendingActivities()) == 0 && described.GetPendingWorkflowTask() == nil &&
			described.GetWorkflowExecutionInfo().GetHistoryLength() >= 10
	}, patience, 10*time.Millisecond, "%s does not come to rest", id)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}
