package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
	"github.com/chatconnect/chatconnect/workflows"
)

// Options are a worker's dependencies and settings.
type Options struct {
	// Client must be the one the API starts workflows with when both live in
	// one process: eager start hands the first task over in memory.
	Client    client.Client
	Ingestion *activities.Ingestion
	Chat      *activities.Chat
	Documents chatconnect.DocumentStore
	// Parsers is how many ingestion activities run at once.
	Parsers     int
	StopTimeout time.Duration // how long running activities may finish
	Logger      *slog.Logger
}

// Worker polls both task queues.
type Worker struct {
	Options
	ingestion, chat sdkworker.Worker
	stopSweeper     context.CancelFunc
	swept           chan struct{}
}

// New returns a worker; Start begins to work.
func New(options Options) *Worker { return &Worker{Options: options} }

// Start polls until Stop. It fails if Temporal can't be reached now, and may
// be called again then.
func (w *Worker) Start(ctx context.Context) error {
	w.register()
	if err := w.chat.Start(); err != nil {
		return fmt.Errorf("start the chat worker: %w", err)
	}
	if err := w.ingestion.Start(); err != nil {
		w.chat.Stop()
		return fmt.Errorf("start the ingestion worker: %w", err)
	}
	ctx, w.stopSweeper = context.WithCancel(ctx)
	w.swept = make(chan struct{})
	go func() {
		defer close(w.swept)
		w.sweep(ctx)
	}()
	return nil
}

func (w *Worker) register() {
	interceptors := []interceptor.WorkerInterceptor{&tenantLogging{}}
	w.ingestion = sdkworker.New(w.Client, temporal.QueueIngestion, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: w.Parsers * 2, // parsing is bound by CPU, embedding by the network
		WorkerStopTimeout:                  w.StopTimeout,
		Interceptors:                       interceptors,
	})
	w.ingestion.RegisterWorkflowWithOptions(workflows.IngestDocument, workflow.RegisterOptions{Name: temporal.WorkflowIngestDocument})
	w.ingestion.RegisterActivity(w.Ingestion)

	w.chat = sdkworker.New(w.Client, temporal.QueueChat, sdkworker.Options{
		WorkerStopTimeout: w.StopTimeout, Interceptors: interceptors,
	})
	w.chat.RegisterWorkflowWithOptions(workflows.AnswerMessage, workflow.RegisterOptions{Name: temporal.WorkflowAnswerMessage})
	w.chat.RegisterActivity(w.Chat)
}

// Stop takes no new tasks, lets running activities finish within StopTimeout
// and returns. What has not finished by then runs again elsewhere.
func (w *Worker) Stop() {
	w.stopSweeper()
	<-w.swept
	done := make(chan struct{})
	go func() { defer close(done); w.ingestion.Stop() }()
	w.chat.Stop()
	<-done
}
