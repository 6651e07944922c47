package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
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
	Commands  *activities.Commands
	Retention *activities.Retention
	Documents chatconnect.DocumentStore
	// Parsers is how many ingestion activities run at once.
	Parsers int
	// Embedders is how many batches this process embeds at once, and
	// BatchesPerSecond how many all processes together begin; 0: any number.
	Embedders        int
	BatchesPerSecond float64

	StopTimeout time.Duration // how long running activities may finish
	Logger      *slog.Logger
}

// Worker polls all task queues.
type Worker struct {
	Options
	ingestion, embedding, chat sdkworker.Worker
	stopSweeper                context.CancelFunc
	swept                      chan struct{}
	scheduling                 sync.WaitGroup
}

// New returns a worker; Start begins to work.
func New(options Options) *Worker { return &Worker{Options: options} }

// Start polls until Stop. It fails if Temporal can't be reached now, and may
// be called again then.
func (w *Worker) Start(ctx context.Context) error {
	w.register()
	var started []sdkworker.Worker
	for _, queue := range []struct {
		name   string
		worker sdkworker.Worker
	}{{temporal.QueueChat, w.chat}, {temporal.QueueIngestion, w.ingestion}, {temporal.QueueEmbedding, w.embedding}} {
		if err := queue.worker.Start(); err != nil {
			for _, other := range started {
				other.Stop()
			}
			return fmt.Errorf("start the %s worker: %w", queue.name, err)
		}
		started = append(started, queue.worker)
	}
	ctx, w.stopSweeper = context.WithCancel(ctx)
	w.swept = make(chan struct{})
	go func() {
		defer close(w.swept)
		w.sweep(ctx)
	}()
	w.scheduling.Go(func() { w.scheduleRetention(ctx) })
	return nil
}

func (w *Worker) register() {
	interceptors := []interceptor.WorkerInterceptor{&tenantLogging{}}
	w.ingestion = sdkworker.New(w.Client, temporal.QueueIngestion, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: w.Parsers * 2, // parsing is bound by CPU, the other stages by the network
		WorkerStopTimeout:                  w.StopTimeout,
		Interceptors:                       interceptors,
	})
	w.ingestion.RegisterWorkflowWithOptions(workflows.IngestDocument, workflow.RegisterOptions{Name: temporal.WorkflowIngestDocument})
	w.ingestion.RegisterActivity(w.Ingestion)
	w.ingestion.RegisterWorkflowWithOptions(workflows.DeleteDocument, workflow.RegisterOptions{Name: temporal.WorkflowDeleteDocument})
	w.ingestion.RegisterWorkflowWithOptions(workflows.PurgeClient, workflow.RegisterOptions{Name: temporal.WorkflowPurgeClient})
	w.ingestion.RegisterActivity(w.Commands)
	w.registerRetention()

	w.embedding = sdkworker.New(w.Client, temporal.QueueEmbedding, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: w.Embedders,
		// The server keeps the rate of a queue, over all who poll it; the value
		// of whoever polled last holds.
		TaskQueueActivitiesPerSecond: w.BatchesPerSecond,
		DisableWorkflowWorker:        true,
		WorkerStopTimeout:            w.StopTimeout,
		Interceptors:                 interceptors,
	})
	w.embedding.RegisterActivity(w.Ingestion.EmbedBatch)

	w.chat = sdkworker.New(w.Client, temporal.QueueChat, sdkworker.Options{
		WorkerStopTimeout: w.StopTimeout, Interceptors: interceptors,
		// A heartbeat is also how an answer hears that it was stopped, if Redis
		// does not say so; the SDK alone would send one in 4.8 s.
		MaxHeartbeatThrottleInterval: temporal.HeartbeatInterval,
	})
	w.chat.RegisterWorkflowWithOptions(workflows.AnswerMessage, workflow.RegisterOptions{Name: temporal.WorkflowAnswerMessage})
	w.chat.RegisterActivity(w.Chat)
}

// Stop takes no new tasks, lets running activities finish within StopTimeout
// and returns. What has not finished by then runs again elsewhere.
func (w *Worker) Stop() {
	w.stopSweeper()
	<-w.swept
	w.scheduling.Wait()
	var stopping sync.WaitGroup
	for _, worker := range []sdkworker.Worker{w.chat, w.ingestion, w.embedding} {
		stopping.Go(worker.Stop)
	}
	stopping.Wait()
}
