package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/llm"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	reindexPoll = time.Second      // between two looks at a reindex that is followed
	reindexCall = 15 * time.Second // for one call of Temporal
)

// errDetached ends following a reindex that goes on.
var errDetached = errors.New("no longer watching; the reindex goes on in the workers (`chatconnect reindex` follows it again, `chatconnect reindex cancel` ends it)")

// reindexer are the commands about the index, for one installation.
type reindexer struct {
	temporal client.Client
	data     converter.DataConverter
	stdout   io.Writer
}

// runReindex does what follows "reindex" on the command line.
func runReindex(ctx context.Context, action string, settings config.Config, stdout, stderr io.Writer) error {
	if settings.TemporalAddress == "" {
		return errors.New("TEMPORAL_ADDRESS must be set")
	}
	connection, err := temporal.Dial(temporal.DialOptions{
		Address: settings.TemporalAddress, Namespace: settings.TemporalNamespace,
		APIKey: string(settings.TemporalAPIKey), TLS: settings.TemporalTLS,
		CodecKeys: string(settings.TemporalCodecKey), Logger: telemetry.NewLogger(stderr, max(settings.LogLevel.Level(), slog.LevelWarn)),
	})
	if err != nil {
		return err
	}
	defer connection.Close()
	data, err := temporal.NewDataConverter(string(settings.TemporalCodecKey))
	if err != nil {
		return err
	}
	r := &reindexer{temporal: connection, data: data, stdout: stdout}
	switch action {
	case "status":
		return r.status(ctx)
	case "cancel":
		return r.cancel(ctx)
	}
	models, err := app.ModelOptions(settings)
	if err != nil {
		return err
	}
	embedder, _, err := llm.NewEmbedder(models)
	if err != nil {
		return err
	}
	return r.start(ctx, &temporal.ReindexInput{Model: embedder.Model(), Dimensions: embedder.Dimensions()})
}

// start begins a reindex, or attaches to the one that runs, and follows it to
// its end.
func (r *reindexer) start(ctx context.Context, in *temporal.ReindexInput) error {
	call, cancel := context.WithTimeout(ctx, reindexCall)
	defer cancel()
	run, err := temporal.StartReindex(call, r.temporal, in)
	if err != nil {
		return unreachable(err)
	}
	fmt.Fprintf(r.stdout, "reindex to %s (%d dimensions); Ctrl-C stops watching, not the reindex\n", in.Model, in.Dimensions)
	return r.follow(ctx, run, in)
}

func (r *reindexer) follow(ctx context.Context, run client.WorkflowRun, in *temporal.ReindexInput) error {
	ended := make(chan error, 1)
	var result temporal.ReindexResult
	go func() { ended <- run.Get(ctx, &result) }()
	ticker := time.NewTicker(reindexPoll)
	defer ticker.Stop()
	shown := ""
	for {
		select {
		case err := <-ended:
			if ctx.Err() != nil {
				return errDetached
			}
			if err != nil {
				return reindexFailure(err)
			}
			fmt.Fprintln(r.stdout, resultLine(result))
			return nil
		case <-ctx.Done():
			return errDetached
		case <-ticker.C:
		}
		status, err := r.describe(ctx)
		if err != nil {
			continue // the end is told by run.Get, and until then Temporal may come back
		}
		if to := status.Progress.To; to.Model != "" && !to.HasModel(in.Model, in.Dimensions) {
			return fmt.Errorf("a reindex to %s (%d dimensions) is running; let it end, or run `chatconnect reindex cancel` first", to.Model, to.Dimensions)
		}
		if line := progressLine(status); line != shown {
			fmt.Fprintln(r.stdout, line)
			shown = line
		}
	}
}

func (r *reindexer) describe(ctx context.Context) (*temporal.ReindexStatus, error) {
	call, cancel := context.WithTimeout(ctx, reindexCall)
	defer cancel()
	return temporal.DescribeReindex(call, r.temporal, r.data)
}

// status prints how the reindex stands, or how the last one ended.
func (r *reindexer) status(ctx context.Context) error {
	status, err := r.describe(ctx)
	if errors.Is(err, chatconnect.ErrNotFound) {
		fmt.Fprintln(r.stdout, "there has been no reindex lately")
		return nil
	}
	if err != nil {
		return unreachable(err)
	}
	if !status.Running {
		fmt.Fprintf(r.stdout, "no reindex is running; the last one %s\n", status.Outcome)
	}
	fmt.Fprintln(r.stdout, progressLine(status))
	return nil
}

// cancel asks the running reindex to end and to remove what it built.
func (r *reindexer) cancel(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, reindexCall)
	defer cancel()
	err := r.temporal.CancelWorkflow(call, temporal.ReindexWorkflowID, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return errors.New("no reindex is running")
	}
	if err != nil {
		return unreachable(err)
	}
	fmt.Fprintln(r.stdout, "the reindex ends and removes what it built, unless searches already use it")
	return nil
}

func unreachable(err error) error { return fmt.Errorf("Temporal can't be asked: %w", err) } //nolint:staticcheck // a name

// reindexFailure is true of a reindex that failed before it switched, which has
// removed what it built, and of one that failed after, which another finishes.
func reindexFailure(err error) error {
	if e := temporal.DecodeError(err); e.Code != chatconnect.CodeInternal {
		return fmt.Errorf("the reindex failed: %s (%s); searches go on, and `chatconnect reindex` begins it again", e.Message, e.Code)
	}
	return fmt.Errorf("the reindex did not end: %w", err)
}

// progressLine is the state in one line.
func progressLine(status *temporal.ReindexStatus) string {
	if !status.Answered {
		return "waiting: no worker answers"
	}
	p := status.Progress
	line := string(p.Stage)
	switch p.Stage {
	case temporal.ReindexSettling:
		line += ": until every process writes to the new index too"
	case temporal.ReindexLingering:
		line += ": until no search uses the old index any more"
	case temporal.ReindexEmbedding, temporal.ReindexChecking, temporal.ReindexDone:
		line += fmt.Sprintf(": %d of %d documents, %d of %d chunks", p.DocumentsDone, p.DocumentsTotal, p.ChunksDone, p.ChunksTotal)
		if p.Pass > 1 {
			line += fmt.Sprintf("; pass %d", p.Pass)
		}
	}
	if p.Waiting != "" {
		line += "; waiting: " + p.Waiting
	}
	return line
}

// resultLine says what was done.
func resultLine(result temporal.ReindexResult) string {
	if result.InPlace && result.Embedded == 0 {
		return fmt.Sprintf("nothing to do: the index was built with %s and is complete (%d documents, %d chunks)", result.To.Model, result.Documents, result.Chunks)
	}
	if result.InPlace {
		return fmt.Sprintf("repaired: %d chunks were missing and have been embedded (%d tokens)", result.Embedded, result.Tokens)
	}
	return fmt.Sprintf("done: %d documents, %d chunks; searches use %s; the index of %s has been removed (%d chunks embedded, %d tokens)",
		result.Documents, result.Chunks, result.To.Model, result.From.Model, result.Embedded, result.Tokens)
}
