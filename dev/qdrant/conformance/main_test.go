package conformance

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chatconnect/chatconnect/dev/qdrant"
	"github.com/google/uuid"
	pb "github.com/qdrant/go-client/qdrant"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// childDir makes the test binary a server on that directory, for tests that
// kill it.
const childDir = "CHATCONNECT_TEST_QDRANT_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := serveChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveChild(dir string) error {
	server, err := qdrant.Open(dir, qdrant.Options{})
	if err != nil {
		return err
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(lis.Addr())
	return server.Serve(lis)
}

// startChild runs a server in a process of its own.
func startChild(t *testing.T, dir string) (address string, process *exec.Cmd) {
	t.Helper()
	process = exec.Command(os.Args[0])
	process.Env = append(os.Environ(), childDir+"="+dir)
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	_, err = fmt.Fscanln(out, &address)
	require.NoError(t, err)
	return address, process
}

// patience is with a busy machine.
const patience = 5 * time.Minute

// target is a server under test.
type target struct {
	name   string
	url    string
	apiKey string
}

func targets(t *testing.T) []target {
	t.Helper()
	list := []target{{name: "standin", url: "http://" + startServer(t, t.TempDir(), qdrant.Options{})}}
	if u := os.Getenv("QDRANT_URL"); u != "" {
		list = append(list, target{name: "real", url: u, apiKey: os.Getenv("QDRANT_API_KEY")})
	}
	return list
}

// startServer serves dir until the end of the test.
func startServer(t testing.TB, dir string, options qdrant.Options) (address string) {
	t.Helper()
	address, stop := serve(t, dir, options)
	t.Cleanup(stop)
	return address
}

func serve(t testing.TB, dir string, options qdrant.Options) (address string, stop func()) {
	t.Helper()
	options.Logger = slog.New(slog.DiscardHandler)
	server, err := qdrant.Open(dir, options)
	require.NoError(t, err)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(lis) }()
	return lis.Addr().String(), func() {
		require.NoError(t, server.Close())
		require.NoError(t, <-served)
	}
}

func newClient(t testing.TB, to target) *pb.Client {
	t.Helper()
	u, err := url.Parse(to.url)
	require.NoError(t, err)
	port := 6334
	if u.Port() != "" {
		port, err = strconv.Atoi(u.Port())
		require.NoError(t, err)
	}
	client, err := pb.NewClient(&pb.Config{
		Host: u.Hostname(), Port: port, UseTLS: u.Scheme == "https", APIKey: to.apiKey,
		SkipCompatibilityCheck: true, PoolSize: 1, KeepAliveTimeout: uint(patience.Seconds()),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// fixture is a client and the name of a collection that the test may create.
type fixture struct {
	*testing.T
	client *pb.Client
	name   string
	ctx    context.Context
}

// onEach runs a test on every target.
func onEach(t *testing.T, test func(f fixture)) {
	t.Helper()
	t.Parallel()
	for _, to := range targets(t) {
		t.Run(to.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			f := fixture{T: t, client: newClient(t, to), name: unique(), ctx: ctx}
			defer func() {
				_, _ = f.client.GetCollectionsClient().Delete(ctx, &pb.DeleteCollection{CollectionName: f.name})
			}()
			test(f)
		})
	}
}

func unique() string { return "conformance_" + strings.ReplaceAll(uuid.NewString(), "-", "") }

// requireCode checks code and text of an error of the server.
func requireCode(t testing.TB, err error, code codes.Code, text string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code.String(), status.Code(err).String(), err.Error())
	require.ErrorContains(t, err, text)
}
