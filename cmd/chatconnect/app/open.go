package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/redis/go-redis/v9"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/blob"
	"github.com/chatconnect/chatconnect/internal/cache"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/document"
	"github.com/chatconnect/chatconnect/internal/llm"
	"github.com/chatconnect/chatconnect/internal/mail"
	"github.com/chatconnect/chatconnect/internal/postgres"
	"github.com/chatconnect/chatconnect/internal/progress"
	"github.com/chatconnect/chatconnect/internal/redisconn"
	"github.com/chatconnect/chatconnect/internal/relay"
	"github.com/chatconnect/chatconnect/internal/vector"
	"github.com/chatconnect/chatconnect/temporal"
)

// adapters are the open connections to everything outside the process.
type adapters struct {
	store     *postgres.Store
	redis     redis.UniversalClient
	hub       *redisconn.Hub
	relay     *relay.Relay
	progress  *progress.Feed
	cache     *cache.Cache
	index     *vector.Index
	blobs     *blob.Store
	temporal  client.Client
	parser    *document.Parser
	embedder  chatconnect.Embedder // of the model that is set up
	embedders chatconnect.Embedders
	model     chatconnect.Model
	rewriter  chatconnect.Rewriter
	notice    string
	mailer    chatconnect.Mailer // nil without SMTP_URL

	allowedModels []string // that a client may choose
	paidModels    []string // that one of the paid tier may choose besides
	modelChoice   func(tier chatconnect.Tier, wish string) chatconnect.ModelChoice
}

// open makes every connection. None of them waits for its server.
func (a *App) open(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		a.openModels, a.openStores, a.openRedis, a.openTemporal, a.openMail,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) openModels(context.Context) error {
	options, err := ModelOptions(a.config)
	if err != nil {
		return err
	}
	options.Logger = a.logger
	var models, embeddings string
	if a.model, models, err = llm.NewModel(options); err != nil {
		return err
	}
	if a.rewriter, err = llm.NewRewriter(options); err != nil {
		return err
	}
	a.allowedModels, a.paidModels = llm.AllowedModels(options), llm.PaidModels(options)
	a.modelChoice = func(tier chatconnect.Tier, wish string) chatconnect.ModelChoice {
		return llm.Choice(options, tier, wish)
	}
	if a.embedder, embeddings, err = llm.NewEmbedder(options); err != nil {
		return err
	}
	a.notice = models + " " + embeddings
	// The cache is opened later, and no embedder is asked for before.
	a.embedders = llm.NewEmbedders(options, a.cached)
	return nil
}

// cached puts the cache of embeddings before an embedder.
func (a *App) cached(e chatconnect.Embedder) chatconnect.Embedder {
	return cache.NewEmbedder(e, a.cache, cache.EmbedderOptions{
		OnHit: a.metrics.EmbeddingCacheHit, OnMiss: a.metrics.EmbeddingCacheMiss, Logger: a.logger,
	})
}

// Allowance is what the settings let clients and accounts have.
func Allowance(c config.Config) chatconnect.Allowance {
	return chatconnect.Allowance{
		FreeTokens: c.FreeTokenCeiling, PaidTokens: c.PaidTokenCeiling, AccountTokens: c.AccountTokenCeiling,
		Documents: c.MaxDocuments, Bytes: c.MaxStoredBytes, Clients: c.MaxClients, Keys: c.MaxKeys,
	}
}

// ModelOptions are the settings of models.
func ModelOptions(c config.Config) (llm.Options, error) {
	prices, err := llm.ParsePrices(c.ModelPrices)
	if err != nil {
		return llm.Options{}, err
	}
	return llm.Options{
		OpenAIKey: string(c.OpenAIAPIKey), OpenAIBaseURL: c.OpenAIBaseURL,
		AnthropicKey: string(c.AnthropicAPIKey), AnthropicBaseURL: c.AnthropicBaseURL,
		FreeModel: c.FreeModel, PaidModel: c.PaidModel,
		AllowedModels: c.AllowedModels, FallbackModel: c.FallbackModel, Prices: prices,
		EmbeddingModel: c.EmbeddingModel, EmbeddingDimensions: c.EmbeddingDimensions,
		Temperature: c.Temperature.Value,
		Timeouts:    llm.Timeouts{ResponseHeader: c.ModelTimeout},
	}, nil
}

func (a *App) openStores(ctx context.Context) error {
	var err error
	if a.store, err = postgres.New(ctx, postgres.Options{URL: string(a.config.DatabaseURL), Allowance: Allowance(a.config)}); err != nil {
		return err
	}
	a.reportLogin(ctx)
	if a.blobs, err = blob.Open(ctx, a.config.BlobURL); err != nil {
		return err
	}
	if a.index, err = vector.New(ctx, vector.Options{
		URL: a.config.QdrantURL, APIKey: string(a.config.QdrantAPIKey),
		Prefix: a.config.QdrantPrefix, Model: a.embedder.Model(), Dimensions: a.embedder.Dimensions(),
		OnSearch: a.metrics.Searched, Logger: a.logger,
	}); err != nil {
		return err
	}
	a.parser = document.NewParser(document.Options{
		CacheDir: filepath.Join(a.config.CacheDir, "pdfium"), Parallel: a.config.Workers, Logger: a.logger,
	})
	return nil
}

func (a *App) openRedis(context.Context) error {
	var err error
	if a.redis, err = redisconn.Open(string(a.config.RedisURL)); err != nil {
		return err
	}
	a.hub = redisconn.NewHub(redisconn.HubOptions{Redis: a.redis, Logger: a.logger})
	a.relay = relay.New(relay.Options{Redis: a.redis, Hub: a.hub, Logger: a.logger, OnLag: a.metrics.RelayLag})
	a.progress = progress.New(progress.Options{Redis: a.redis, Hub: a.hub, Logger: a.logger})
	a.cache = cache.New(cache.Options{Redis: a.redis})
	if a.config.OpenAIAPIKey != "" { // the built-in embedder is quicker than any cache
		a.embedder = a.cached(a.embedder)
	}
	return nil
}

func (a *App) openMail(context.Context) error {
	if a.config.SMTPURL == "" {
		return nil
	}
	mailer, err := mail.New(string(a.config.SMTPURL))
	if err != nil {
		return fmt.Errorf("SMTP_URL: %w", err)
	}
	a.mailer = mailer
	return nil
}

func (a *App) openTemporal(context.Context) error {
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(a.metrics.Registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return err
	}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)).Meter("temporal-sdk")
	a.temporal, err = temporal.Dial(temporal.DialOptions{
		Address: a.config.TemporalAddress, Namespace: a.config.TemporalNamespace,
		APIKey: string(a.config.TemporalAPIKey), TLS: a.config.TemporalTLS,
		CodecKeys: string(a.config.TemporalCodecKey), Logger: a.logger, Meter: meter,
	})
	return err
}

// close closes what open opened, also after it failed half-way.
func (a *App) close() error {
	var errs []error
	if a.temporal != nil {
		a.temporal.Close()
	}
	if a.relay != nil {
		a.relay.Close()
	}
	if a.progress != nil {
		a.progress.Close()
	}
	if a.hub != nil {
		a.hub.Close()
	}
	if a.redis != nil {
		errs = append(errs, a.redis.Close())
	}
	if a.index != nil {
		errs = append(errs, a.index.Close())
	}
	if a.blobs != nil {
		errs = append(errs, a.blobs.Close())
	}
	if a.store != nil {
		a.store.Close()
	}
	if a.closeTracing != nil {
		ctx, cancel := context.WithTimeout(context.Background(), tracingFlush)
		defer cancel()
		errs = append(errs, a.closeTracing(ctx))
	}
	return errors.Join(errs...)
}
