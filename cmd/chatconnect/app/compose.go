package app

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/dashboard"
	"github.com/chatconnect/chatconnect/internal/document"
	"github.com/chatconnect/chatconnect/internal/health"
	"github.com/chatconnect/chatconnect/internal/ratelimit"
	"github.com/chatconnect/chatconnect/internal/sessions"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/internal/vector"
	"github.com/chatconnect/chatconnect/temporal"
	"github.com/chatconnect/chatconnect/worker"
)

// tracingFlush bounds the export of the last spans.
const tracingFlush = 3 * time.Second

// compose builds the process's roles from the adapters.
func (a *App) compose() error {
	a.health = a.newHealthMonitor()
	a.metrics.Registry.MustRegister(telemetry.NewQueueCollector(a.health.QueueStates))
	if a.options.Roles.API {
		if err := a.composeAPI(); err != nil {
			return err
		}
	}
	if a.options.Roles.Worker {
		return a.composeWorker()
	}
	return nil
}

func (a *App) composeAPI() error {
	logins, err := sessions.New(sessions.Options{Redis: a.redis, Hub: a.hub, Secret: []byte(a.config.SessionSecret), Sliding: true})
	if err != nil {
		return err
	}
	var decoder http.Handler
	if keys := string(a.config.TemporalCodecKey); keys != "" {
		if decoder, err = temporal.NewDecodeHandler(keys); err != nil {
			return err
		}
	}
	limiter := ratelimit.New(ratelimit.Options{Redis: a.redis, Logger: a.logger, OnFallback: a.metrics.LimitedAlone})
	a.api, err = api.New(api.Options{
		Users: a.store, Accounts: a.store, Clients: a.store, Budgets: a.store, Allowance: Allowance(a.config), Documents: a.store, Conversations: a.store,
		Blobs: a.blobs, Sessions: logins, Relay: a.relay, Progress: a.progress,
		Limiter:    limiter,
		Places:     limiter,
		Stops:      a.relay,
		Temporal:   a.temporal,
		DetectType: document.Detect,
		Decoder:    decoder,
		Embedder:   a.embedder,
		Metrics:    a.metrics,
		Health:     a.health,
		Pages:      dashboard.Files(),
		PagePolicy: dashboard.ContentSecurityPolicy,
		Logger:     a.logger,

		MaxFileSize:              a.config.MaxFileSize,
		MaxConnectionsPerAddress: a.config.MaxConnectionsPerAddress,
		Uploads: api.UploadLimits{
			AtOnce: a.config.MaxUploads, AtOncePerUser: a.config.MaxUploadsPerUser,
			Bytes: a.config.MaxStagedBytes, BytesPerUser: a.config.MaxStagedBytesPerUser,
			DiskReserve: cmp.Or(a.config.UploadDiskReserve, -1),
		},
		SessionSecret:     []byte(a.config.SessionSecret),
		Registration:      a.config.Registration,
		VerifyEmail:       a.mailer != nil,
		InternalAPISecret: string(a.config.InternalAPISecret),
		TemporalUIOrigin:  a.config.TemporalUIOrigin,
		PublicURL:         a.config.PublicURL,
		LocalHostsOnly:    a.config.LocalHostsOnly(),
		TrustedProxies:    a.config.TrustedProxies,
		StagingDir:        filepath.Join(a.config.UploadDir, "staging"),
		ChatTimeout:       a.config.ChatTimeout,
		Version:           Version(),
		Notice:            a.notice,
		Models:            a.allowedModels,
		PaidModels:        a.paidModels,
		ModelChoice:       a.modelChoice,
	})
	return err
}

func (a *App) composeWorker() error {
	chunker, err := document.NewChunker()
	if err != nil {
		return err
	}
	options := worker.Options{
		Client: a.temporal,
		Ingestion: &activities.Ingestion{
			Documents: a.store, Blobs: a.blobs, Parser: a.parser, Chunker: chunker,
			Embedders: a.embedders, Index: a.index, Progress: a.progress, Budgets: a.store,
			Metrics: a.metrics, Logger: a.logger,
		},
		Chat: &activities.Chat{
			Chats: a.store, Embedders: a.embedders, Index: a.index,
			Model: a.model, Rewriter: a.rewriter, Relay: a.relay, Stops: a.relay, Cache: a.cache,
			Metrics: a.metrics, Logger: a.logger,
		},
		Commands: &activities.Commands{
			Documents: a.store, Purges: a.store, Blobs: a.blobs, Index: a.index,
			Cache: a.cache, Progress: a.progress, Temporal: a.temporal, Logger: a.logger,
		},
		Reindex: &activities.Reindex{
			Documents: a.store, Revisions: a.store, Embedders: a.embedders, Index: a.index, Builder: a.index,
			Metrics: a.metrics, Logger: a.logger,
		},
		Janitor: &activities.Janitor{
			Documents: a.store, Revisions: a.store, Blobs: a.blobs, Index: a.index, Audit: vector.NewAudit(a.index),
			Temporal: a.temporal, Metrics: a.metrics, Logger: a.logger,
		},
		Mails:     &activities.Mails{Users: a.store, Mailer: a.mailer, Logger: a.logger},
		Retention: &activities.Retention{Store: a.store, Logger: a.logger},
		Documents: a.store, Parsers: a.config.Workers,
		Embedders: a.config.EmbeddingConcurrency, BatchesPerSecond: a.config.EmbeddingBatchesPerSecond,
		JanitorInterval: a.config.JanitorInterval,
		StopTimeout:     a.config.ShutdownTimeout, Logger: a.logger,
	}
	if a.options.AdjustWorker != nil {
		a.options.AdjustWorker(&options)
	}
	a.worker = worker.New(options)
	return nil
}

func (a *App) newHealthMonitor() *health.Monitor {
	return health.New(health.Options{
		Checks: a.healthChecks(),
		Queue: func(ctx context.Context, queue temporal.Queue) (temporal.QueueState, error) {
			return temporal.DescribeQueue(ctx, a.temporal, a.config.TemporalNamespace, queue)
		},
		Version: Version(), Notice: a.index.Notice, Logger: a.logger,
	})
}

func (a *App) healthChecks() []health.Check {
	checks := []health.Check{
		{Name: "postgres", Check: a.store.Ping},
		{Name: "redis", Check: func(ctx context.Context) error { return a.redis.Ping(ctx).Err() }},
		{Name: "qdrant", Check: a.index.Ping},
		{Name: "temporal", Check: func(ctx context.Context) error {
			_, err := a.temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		}},
	}
	if a.options.Roles.Worker {
		checks = append(checks, health.Check{Name: "worker", Check: a.workerStarted})
	}
	return checks
}

var errWorkerStarting = errors.New("the worker has not started yet")

func (a *App) workerStarted(context.Context) error {
	select {
	case <-a.ready:
		return nil
	default:
		return errWorkerStarting
	}
}
