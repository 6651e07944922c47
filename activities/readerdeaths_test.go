package activities

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

// dyingParser dies on every document, as long as deaths lasts, and can't work
// at all while broken lasts.
type dyingParser struct {
	deaths, broken int
	parsed         int
}

func (p *dyingParser) Parse(_ context.Context, _ chatconnect.FileType, _ io.Reader, onBlock func(chatconnect.Block) error, _ func(done, total int)) error {
	p.parsed++
	if p.deaths--; p.deaths >= 0 {
		return chatconnect.Errorf(chatconnect.KindUnavailable, chatconnect.CodeParserStopped, "Later.")
	}
	return onBlock(chatconnect.Block{Text: "tea"})
}

func (p *dyingParser) Probe(context.Context, chatconnect.FileType) error {
	if p.broken--; p.broken >= 0 {
		return chatconnect.Errorf(chatconnect.KindUnavailable, chatconnect.CodeParserUnavailable, "Later.")
	}
	return nil
}

// memoryBlobs is storage with one file.
type memoryBlobs struct{ chatconnect.BlobStore }

func (memoryBlobs) Open(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("tea")), nil
}

func (memoryBlobs) Put(_ context.Context, _ string, content io.Reader) (int64, error) {
	return io.Copy(io.Discard, content)
}

// parseUntilTheEnd runs ParseDocument as the workflow does, with as many
// attempts as it takes.
func parseUntilTheEnd(t *testing.T, parser *dyingParser) (*oneDocument, error) {
	t.Helper()
	store, quiet := &oneDocument{}, silence{}
	a := &Ingestion{
		Documents: store, Blobs: memoryBlobs{}, Parser: parser, Progress: quiet, Metrics: quiet,
		Logger: slog.New(slog.DiscardHandler),
	}
	env := workflowtest.New(t)
	env.RegisterActivity(a.ParseDocument)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		options := temporal.StageOptions(10 * time.Minute)
		options.RetryPolicy.MaximumAttempts = 100 // the environment's own would be ten
		in := &temporal.IngestInput{ClientID: "c", DocumentID: "d", Version: 1, Type: chatconnect.TypeTXT}
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), a.ParseDocument, in).Get(ctx, nil)
	})
	require.True(t, env.IsWorkflowCompleted())
	return store, env.GetWorkflowError()
}

func TestReaderThatDiesOnOneDocumentEnds(t *testing.T) {
	t.Parallel()
	parser := &dyingParser{deaths: 1000}
	store, err := parseUntilTheEnd(t, parser)
	var app *sdktemporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
	e := temporal.DecodeError(err)
	require.Equal(t, chatconnect.CodeTooComplex, e.Code)
	require.Equal(t, chatconnect.KindInvalid, e.Kind)
	require.Contains(t, e.Message, "Split or simplify")
	require.Equal(t, maxReaderDeaths, parser.parsed)
	require.Contains(t, strings.Join(store.stages, "\n"), "The file reader was stopped; next try at ")
}

func TestReaderThatDiesSometimesReadsTheDocument(t *testing.T) {
	t.Parallel()
	_, err := parseUntilTheEnd(t, &dyingParser{deaths: maxReaderDeaths - 1})
	require.NoError(t, err)
}

func TestReaderThatCannotStartIsAnOutage(t *testing.T) {
	t.Parallel()
	const outage = 30
	parser := &dyingParser{deaths: outage, broken: outage}
	store, err := parseUntilTheEnd(t, parser)
	require.NoError(t, err, "the document waits until the machine is better")
	require.Equal(t, outage+1, parser.parsed)
	require.Contains(t, strings.Join(store.stages, "\n"), "The file reader can't start on this server; next try at ")
}
