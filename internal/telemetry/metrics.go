package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Metrics are ChatConnect's own collectors. The names without prefix are a
// contract with dashboards (DESIGN §8).
type Metrics struct {
	Registry *prometheus.Registry
	connections

	clients        clientSet // that a series is labelled with
	chatRequests   *prometheus.CounterVec
	chatLatency    *prometheus.HistogramVec
	firstToken     *prometheus.HistogramVec
	llmTokens      *prometheus.CounterVec
	qdrantSearch   prometheus.Histogram
	cacheHits      prometheus.Counter
	cacheMisses    prometheus.Counter
	queryCache     *prometheus.CounterVec
	cost           *prometheus.CounterVec
	budgetWarnings *prometheus.CounterVec
	limitsAlone    prometheus.Counter
	ingestionStage *prometheus.HistogramVec
	ingested       *prometheus.CounterVec
	relayLag       prometheus.Histogram
	janitor        *prometheus.CounterVec
}

// Chat latencies reach from a cached extractive answer (milliseconds) to a
// slow model (minutes).
var chatBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}

// NewMetrics registers every collector in a registry of its own, so that two
// apps in one process (tests) don't collide.
func NewMetrics() *Metrics {
	m := &Metrics{
		Registry:    prometheus.NewRegistry(),
		connections: newConnections(),
		chatRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chat_requests_total", Help: "Chat questions by how they ended.",
		}, []string{labelClient, "tier", "status"}),
		chatLatency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "chat_latency_seconds", Help: "From question received to last token.", Buckets: chatBuckets,
		}, []string{labelClient, "tier"}),
		firstToken: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "chat_time_to_first_token_seconds", Help: "From question received to first token.", Buckets: chatBuckets,
		}, []string{"tier", "model"}),
		llmTokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "llm_tokens_total", Help: "Model tokens by type: input, output, cached, embedding.",
		}, []string{"model", "type"}),
		qdrantSearch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "qdrant_search_duration_seconds", Help: "One hybrid search, as the worker sees it.",
			Buckets: prometheus.ExponentialBuckets(.0005, 2, 14),
		}),
		cacheHits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "embedding_cache_hits_total", Help: "Texts whose embedding came from the cache.",
		}),
		cacheMisses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "embedding_cache_misses_total", Help: "Texts that had to be embedded.",
		}),
		queryCache: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "query_cache_lookups_total", Help: "Searches by whether the cache held their passages: hit, miss.",
		}, []string{"result"}),
		cost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "llm_cost_usd_total", Help: "What models cost, by the price list in use.",
		}, []string{"model"}),
		budgetWarnings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "token_budget_warnings_total", Help: "Clients whose monthly token budget is nearly used up, once a month each.",
		}, []string{labelClient}),
		limitsAlone: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rate_limit_fallbacks_total", Help: "Decisions about limits that a process made alone, because Redis did not answer.",
		}),
		ingestionStage: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ingestion_stage_duration_seconds", Help: "One successful run of an ingestion stage.",
			Buckets: prometheus.ExponentialBuckets(.005, 2.5, 12),
		}, []string{"stage", "type"}),
		ingested: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ingestion_documents_total", Help: "Document versions by how ingestion ended.",
		}, []string{"status", "code"}),
		relayLag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "relay_lag_seconds", Help: "From a token's publication to its delivery in the API process.",
			Buckets: prometheus.ExponentialBuckets(.0001, 2.5, 12),
		}),
		janitor: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatconnect_janitor_findings_total", Help: "What the janitor found, by kind and by what it did about it.",
		}, []string{"kind", "action"}),
	}
	m.Registry.MustRegister(m.chatRequests, m.chatLatency, m.firstToken, m.llmTokens, m.qdrantSearch,
		m.cacheHits, m.cacheMisses, m.queryCache, m.cost, m.budgetWarnings, m.limitsAlone, m.ingestionStage, m.ingested, m.relayLag, m.janitor,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.register(m.Registry)
	return m
}

// ChatRefused counts a question that was turned away before it became a
// workflow. client is empty when the key named none.
func (m *Metrics) ChatRefused(client chatconnect.ClientID, tier chatconnect.Tier, code string) {
	m.clients.add(client)
	m.chatRequests.WithLabelValues(string(client), string(tier), code).Inc()
}

// ChatEnded counts a question that was answered, or failed after it was
// accepted.
func (m *Metrics) ChatEnded(log chatconnect.ChatLog) {
	q := log.Question
	m.clients.add(q.ClientID)
	m.chatRequests.WithLabelValues(string(q.ClientID), string(q.Tier), string(log.Status)).Inc()
	for _, spent := range log.Spent() {
		m.Spent(spent)
	}
	if log.Status == chatconnect.ChatFailed {
		return
	}
	m.chatLatency.WithLabelValues(string(q.ClientID), string(q.Tier)).Observe(log.Latency.Seconds())
	if log.TimeToFirstToken > 0 { // else none came, or nobody knows when
		m.firstToken.WithLabelValues(string(q.Tier), log.Model).Observe(log.TimeToFirstToken.Seconds())
	}
}

// Spent counts what a model took for an answer, or for one that came to
// nothing.
func (m *Metrics) Spent(completion chatconnect.Completion) {
	model, usage := completion.Model, completion.Usage
	if model == "" {
		return // none was asked
	}
	m.llmTokens.WithLabelValues(model, "input").Add(float64(usage.InputTokens))
	m.llmTokens.WithLabelValues(model, "output").Add(float64(usage.OutputTokens))
	m.llmTokens.WithLabelValues(model, "cached").Add(float64(usage.CachedTokens))
	m.cost.WithLabelValues(model).Add(float64(completion.Cost) / 1e6)
}

// QueryCacheHit and QueryCacheMiss count searches.
func (m *Metrics) QueryCacheHit()  { m.queryCache.WithLabelValues("hit").Inc() }
func (m *Metrics) QueryCacheMiss() { m.queryCache.WithLabelValues("miss").Inc() }

// BudgetWarned counts a client that was told its token budget nears its end.
func (m *Metrics) BudgetWarned(client chatconnect.ClientID) {
	m.clients.add(client)
	m.budgetWarnings.WithLabelValues(string(client)).Inc()
}

// LimitedAlone counts a decision about limits that was made without Redis.
func (m *Metrics) LimitedAlone() { m.limitsAlone.Inc() }

// Embedded counts what was spent on embeddings.
func (m *Metrics) Embedded(spent chatconnect.Completion) {
	m.llmTokens.WithLabelValues(spent.Model, "embedding").Add(float64(spent.Usage.InputTokens))
	m.cost.WithLabelValues(spent.Model).Add(float64(spent.Cost) / 1e6)
}

// Searched observes one search of the vector index.
func (m *Metrics) Searched(d time.Duration) { m.qdrantSearch.Observe(d.Seconds()) }

// EmbeddingCacheHit and EmbeddingCacheMiss count n texts.
func (m *Metrics) EmbeddingCacheHit(n int)  { m.cacheHits.Add(float64(n)) }
func (m *Metrics) EmbeddingCacheMiss(n int) { m.cacheMisses.Add(float64(n)) }

// StageDone observes one successful run of an ingestion stage.
func (m *Metrics) StageDone(stage string, t chatconnect.FileType, d time.Duration) {
	m.ingestionStage.WithLabelValues(stage, string(t)).Observe(d.Seconds())
}

// Ingested counts a document version whose ingestion ended; code is empty
// unless it failed.
func (m *Metrics) Ingested(status chatconnect.Status, code string) {
	m.ingested.WithLabelValues(string(status), code).Inc()
}

// JanitorFound counts findings of the janitor.
func (m *Metrics) JanitorFound(kind, action string, n int) {
	m.janitor.WithLabelValues(kind, action).Add(float64(n))
}

// RelayLag observes how long a relay event was under way.
func (m *Metrics) RelayLag(d time.Duration) { m.relayLag.Observe(d.Seconds()) }
