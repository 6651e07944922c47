package document_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/rss"
	"github.com/chatconnect/chatconnect/internal/document"
)

// envHostileWorker marks a process that parses files as a worker does, and
// holds nothing else in memory: what a hostile file makes of a worker can be
// measured there.
const envHostileWorker = "TEST_DOCUMENT_HOSTILE_WORKER"

type hostileJob struct {
	Type     chatconnect.FileType
	Path     string
	Deadline time.Duration
}

type hostileOutcome struct {
	Code   string // "" if it was read
	Blocks int
	Detail string
}

// runHostileWorkerIfAsked reads jobs and writes outcomes, a line of JSON each.
func runHostileWorkerIfAsked() {
	if _, asked := os.LookupEnv(envHostileWorker); !asked {
		return
	}
	jobs, outcomes := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var job hostileJob
		if jobs.Decode(&job) != nil {
			os.Exit(0) // nobody asks any more
		}
		var outcome hostileOutcome
		p := document.NewParser(document.Options{Deadline: job.Deadline, Logger: slog.New(slog.DiscardHandler)})
		file, err := os.Open(job.Path)
		if err == nil {
			err = p.Parse(context.Background(), job.Type, file, func(chatconnect.Block) error { outcome.Blocks++; return nil }, nil)
			_ = file.Close() // only read
		}
		if err != nil {
			outcome.Code, outcome.Detail = chatconnect.AsError(err).Code, err.Error()
		}
		if outcomes.Encode(outcome) != nil {
			os.Exit(1)
		}
	}
}

// hostileWorker is such a process, watched.
type hostileWorker struct {
	dir      string
	jobs     *json.Encoder
	outcomes *json.Decoder
	watch    *rss.Watch
}

func startHostileWorker(t *testing.T) *hostileWorker {
	t.Helper()
	require.NoError(t, warm())
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), self)
	command.Env = append(os.Environ(), envHostileWorker+"=1")
	command.Stderr = os.Stderr
	jobs, err := command.StdinPipe()
	require.NoError(t, err)
	outcomes, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	w := &hostileWorker{dir: t.TempDir(), jobs: json.NewEncoder(jobs), outcomes: json.NewDecoder(bufio.NewReader(outcomes)), watch: rss.Start(command.Process.Pid)}
	t.Cleanup(func() {
		_ = jobs.Close() // its sign to end
		_ = command.Wait()
	})
	return w
}

// parse has the worker parse a file and returns how that ended and the peak of
// the child that did it, in MB.
func (w *hostileWorker) parse(t *testing.T, fileType chatconnect.FileType, content io.Reader, deadline time.Duration) (hostileOutcome, int64) {
	t.Helper()
	path := filepath.Join(w.dir, "file")
	file, err := os.Create(path)
	require.NoError(t, err)
	_, err = io.Copy(file, content)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	_ = w.watch.Recent()
	require.NoError(t, w.jobs.Encode(hostileJob{fileType, path, deadline}))
	var outcome hostileOutcome
	require.NoError(t, w.outcomes.Decode(&outcome))
	return outcome, w.watch.Recent() >> 20
}
