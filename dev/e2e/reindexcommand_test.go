package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/temporal"
)

// TestReindexCommand runs the production binary beside an installation: there
// is nothing to do; a change that waits for its provider is followed, left
// alone, shown and cancelled; nothing of it is left.
func TestReindexCommand(t *testing.T) {
	t.Parallel()
	models, settings := startModels(t, fakemodel.Knobs{})
	p := startProduct(t, settings...)
	shop := newTenant(t, p.URL(), chatconnect.TierFree)
	shop.learn(file{"tea.txt", []byte("Tea is served at four.")})
	s := p.storage(t)

	binary := filepath.Join(t.TempDir(), "chatconnect")
	build, err := exec.Command("go", "build", "-C", "../..", "-o", binary, "./cmd/chatconnect").CombinedOutput()
	require.NoError(t, err, "%s", build)
	command := func(ctx context.Context, environ []string, args ...string) (*exec.Cmd, func() string) {
		c := exec.CommandContext(ctx, binary, append([]string{"reindex"}, args...)...)
		c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, environ...)
		c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
		output, err := os.Create(filepath.Join(t.TempDir(), "output")) // which may be read while it is written
		require.NoError(t, err)
		t.Cleanup(func() { _ = output.Close() })
		c.Stdout, c.Stderr = output, output
		return c, func() string {
			content, _ := os.ReadFile(output.Name())
			return string(content)
		}
	}
	run := func(environ []string, args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c, output := command(ctx, environ, args...)
		err := c.Run()
		return output(), err
	}

	output, err := run(p.environ, "status")
	require.NoError(t, err, output)
	require.Contains(t, output, "no reindex")
	output, err = run(p.environ, "cancel")
	require.Error(t, err)
	require.Contains(t, output, "no reindex is running")
	output, err = run(p.environ)
	require.NoError(t, err, output)
	require.Contains(t, output, "nothing to do")

	// A new model, whose provider is busy.
	changed := append(p.environ[:len(p.environ):len(p.environ)], "EMBEDDING_MODEL="+aModel(), "EMBEDDING_DIMENSIONS=64")
	require.NoError(t, models.Set(fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultRateLimit, Endpoint: fakemodel.EndpointEmbeddings, RetryAfter: fakemodel.Duration(time.Hour)}}}))
	ctx, interrupt := context.WithTimeout(t.Context(), patience)
	defer interrupt()
	following, watched := command(ctx, changed)
	require.NoError(t, following.Start())
	s.reindexAt(temporal.ReindexSettling, temporal.ReindexEmbedding)
	require.Eventually(t, func() bool { return strings.Contains(watched(), "Ctrl-C stops watching") }, patience, 20*time.Millisecond, "it does not say how to stop watching")
	interrupt()
	require.Error(t, following.Wait(), "it has not seen the end")
	require.Contains(t, watched(), "the reindex goes on")
	s.reindexAt(temporal.ReindexEmbedding)
	require.Eventually(t, func() bool {
		output, err = run(changed, "status")
		return err == nil && bytes.Contains([]byte(output), []byte("waiting: "))
	}, patience, 200*time.Millisecond, "it says why it waits")
	require.Contains(t, output, "embedding: 0 of 1 documents")
	output, err = run(p.environ)
	require.Error(t, err)
	require.Contains(t, output, "is running", "another model has to wait")
	output, err = run(changed, "cancel")
	require.NoError(t, err, output)
	require.Eventually(t, func() bool {
		collections, aliases := s.generations()
		return len(collections) == 1 && len(aliases) == 1
	}, patience, 100*time.Millisecond, "the cancelled reindex leaves its collection")
	require.NoError(t, models.Set(fakemodel.Knobs{}))
	require.Contains(t, shop.ask("When is tea served?").Text, "four")
}
