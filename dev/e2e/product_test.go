package e2e

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/document"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/worker"
)

func TestMain(m *testing.M) {
	document.RunChildIfAsked() // the parser's sandbox re-executes this binary
	runDoomedIfAsked()
	runRolesIfAsked()
	os.Exit(m.Run())
}

// product is a running ChatConnect in this process.
type product struct {
	*app.App
	environ []string
	stop    func()
}

// startProduct runs `chatconnect serve` on the shared stack, with settings of
// its own appended.
func startProduct(t testing.TB, settings ...string) *product {
	t.Helper()
	return startRoles(t, app.Roles{API: true, Worker: true}, append(stacktest.Environ(t), settings...))
}

func startRoles(t testing.TB, roles app.Roles, environ []string) *product {
	t.Helper()
	return startAdjusted(t, roles, environ, nil)
}

// startAdjusted runs a product whose worker is changed before it starts.
func startAdjusted(t testing.TB, roles app.Roles, environ []string, adjust func(*worker.Options)) *product {
	t.Helper()
	c, err := config.Load(environ)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, c, app.Options{
		Roles: roles, Migrate: true, Logger: telemetry.NewLogger(logsOf(t), c.LogLevel), AdjustWorker: adjust,
	})
	if err != nil {
		cancel()
		require.NoError(t, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	p := &product{App: a, environ: environ}
	stopped := false
	p.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-ended)
	}
	t.Cleanup(p.stop)
	select {
	case <-a.Ready():
	case err := <-ended:
		ended <- nil
		require.NoError(t, err)
		t.Fatal("it ended by itself")
	}
	return p
}

// logsOf keeps a test's logs and shows them if it fails.
func logsOf(t testing.TB) io.Writer {
	file, err := os.Create(filepath.Join(t.TempDir(), "log.jsonl"))
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			content, _ := os.ReadFile(file.Name())
			t.Logf("logs:\n%s", content[max(0, len(content)-8000):])
		}
		_ = file.Close()
	})
	return file
}

// startModels runs the fake model server and returns the settings that use it
// as both providers.
func startModels(t testing.TB, knobs fakemodel.Knobs) (*fakemodel.Server, []string) {
	t.Helper()
	models := fakemodel.New(fakemodel.WithKnobs(knobs))
	server := httptest.NewServer(models)
	t.Cleanup(server.Close)
	t.Cleanup(models.Close)
	return models, []string{
		"OPENAI_API_KEY=test", "OPENAI_BASE_URL=" + server.URL + "/v1", "EMBEDDING_DIMENSIONS=256",
		// Tests share Redis; with a model of its own, none finds another's
		// embeddings cached and waits for a request that never comes.
		"EMBEDDING_MODEL=embedding-" + uuid.NewString()[:8],
		"ANTHROPIC_API_KEY=test", "ANTHROPIC_BASE_URL=" + server.URL,
	}
}

// fixture reads a file of the document tests.
func fixture(t testing.TB, name string) file {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../internal/document/testdata", name))
	require.NoError(t, err)
	return file{name, content}
}
