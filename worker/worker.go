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
	Janitor   *activities.Janitor
	Reindex   *activities.Reindex
	Retention *activities.Retention
	Mails     *activities.Mails
	Documents chatconnect.DocumentStore
	// Parsers is how many files this process reads at once.
	Parsers int
	// Embedders is how many batches this process embeds at once, and
	// BatchesPerSecond how many all processes together begin; 0: any number.
	Embedders        int
	BatchesPerSecond float64
	// JanitorInterval is how often the janitor goes round; 0 pauses it.
	JanitorInterval time.Duration

	StopTimeout time.Duration // how long running activities may finish
	Logger      *slog.Logger

	// Interceptors come around every workflow and activity, inside our own.
	Interceptors []interceptor.WorkerInterceptor
}

// Worker polls all task queues.
type Worker struct {
	Options
	ingestion, parsing, embedding, chat sdkworker.Worker
	stopBackground                      context.CancelFunc
	background                          sync.WaitGroup
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
	}{{temporal.QueueChat, w.chat}, {temporal.QueueIngestion, w.ingestion}, {temporal.QueueParsing, w.parsing}, {temporal.QueueEmbedding, w.embedding}} {
		if err := queue.worker.Start(); err != nil {
			for _, other := range started {
				other.Stop()
			}
			return fmt.Errorf("start the %s worker: %w", queue.name, err)
		}
		started = append(started, queue.worker)
	}
	ctx, w.stopBackground = context.WithCancel(ctx)
	w.background.Go(func() { w.sweep(ctx) })
	w.background.Go(func() { w.keepScheduled(ctx, "janitor", w.scheduleJanitor) })
	w.background.Go(func() { w.keepScheduled(ctx, "deletion of old conversations", w.scheduleExpiry) })
	return nil
}

func (w *Worker) register() {
	interceptors := append([]interceptor.WorkerInterceptor{&tenantLogging{}, &panics{logger: w.Logger}}, w.Interceptors...)
	common := sdkworker.Options{
		WorkerStopTimeout: w.StopTimeout,
		Interceptors:      interceptors,
		// The SDK alone sends a heartbeat in 4.8 s: one that is late by little more
		// than a second, and an activity that is well is given to another. It is
		// also how an activity hears that it was cancelled.
		MaxHeartbeatThrottleInterval: temporal.HeartbeatInterval,
	}
	ingestion := common
	// Short steps, that mostly wait for the network; and the janitor's and a
	// reindex's, of which there is one each at a time, but for minutes.
	ingestion.MaxConcurrentActivityExecutionSize = w.Parsers*2 + 2
	w.ingestion = sdkworker.New(w.Client, temporal.QueueIngestion, ingestion)
	w.ingestion.RegisterActivity(w.Ingestion)
	w.ingestion.RegisterActivity(w.Commands)
	w.ingestion.RegisterActivity(w.Janitor)
	w.ingestion.RegisterActivity(w.Reindex)
	w.ingestion.RegisterActivity(w.Retention)
	w.ingestion.RegisterActivity(w.Mails)

	parsing := common
	parsing.MaxConcurrentActivityExecutionSize = w.Parsers // one more would wait for the parser, out of its turn
	parsing.DisableWorkflowWorker = true
	w.parsing = sdkworker.New(w.Client, temporal.QueueParsing, parsing)
	w.parsing.RegisterActivity(w.Ingestion.ParseDocument)

	embedding := common
	embedding.MaxConcurrentActivityExecutionSize = w.Embedders
	// The server keeps the rate of a queue, over all who poll it; the value of
	// whoever polled last holds.
	embedding.TaskQueueActivitiesPerSecond = w.BatchesPerSecond
	embedding.DisableWorkflowWorker = true
	w.embedding = sdkworker.New(w.Client, temporal.QueueEmbedding, embedding)
	w.embedding.RegisterActivity(w.Ingestion.EmbedBatch)
	w.embedding.RegisterActivity(w.Reindex.ReindexBatch)

	w.chat = sdkworker.New(w.Client, temporal.QueueChat, common)
	w.chat.RegisterActivity(w.Chat)

	workflows.Register(w.ingestion, w.chat)
}

// Stop takes no new tasks, lets running activities finish within StopTimeout
// and returns. What has not finished by then runs again elsewhere.
func (w *Worker) Stop() {
	w.stopBackground()
	w.background.Wait()
	var stopping sync.WaitGroup
	for _, worker := range []sdkworker.Worker{w.chat, w.ingestion, w.parsing, w.embedding} {
		stopping.Go(worker.Stop)
	}
	stopping.Wait()
}
