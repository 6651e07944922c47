package api

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Metrics is what the API reports about chat requests that never became a
// workflow; those that did are counted by the worker, once.
type Metrics interface {
	ChatRefused(client chatconnect.ClientID, tier chatconnect.Tier, code string)
}

// HealthCheck probes one dependency. Its error is logged, never sent.
type HealthCheck struct {
	Name  string // "postgres", "redis", "qdrant", "temporal"
	Check func(ctx context.Context) error
}

// Options are the Server's dependencies and settings.
type Options struct {
	Users     chatconnect.UserStore
	Clients   chatconnect.ClientStore
	Documents chatconnect.DocumentStore
	Blobs     chatconnect.BlobStore
	Sessions  chatconnect.LoginSessions
	Limiter   chatconnect.RateLimiter
	Relay     chatconnect.Relay
	Progress  chatconnect.ProgressFeed
	Temporal  client.Client
	Metrics   Metrics
	Health    []HealthCheck
	Pages     fs.FS // the dashboard's files, index.html at the root
	Logger    *slog.Logger

	MaxFileSize       int64  // bytes of one uploaded file
	InternalAPISecret string // empty turns the internal endpoints off
	SecureCookies     bool   // Secure attribute: the site is served over https
	TrustedProxies    []string
	StagingDir        string // for files while they are uploaded
	ChatTimeout       time.Duration
	Version           string
	// Notice tells people what the model setup is, e.g. that answers are
	// extractive because no API key is set. Shown by the dashboard.
	Notice string
}

// Server is the HTTP API. Create it with New, serve Handler, and call Drain
// before shutting the http.Server down: Shutdown waits for open streams.
type Server struct {
	Options
	router   *gin.Engine
	draining chan struct{} // closed by Drain
	drain    sync.Once
}

// New builds the router.
func New(options Options) (*Server, error) {
	if options.Users == nil || options.Clients == nil || options.Documents == nil || options.Temporal == nil {
		return nil, errors.New("api: Users, Clients, Documents and Temporal are required")
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	s := &Server{Options: options, draining: make(chan struct{})}
	gin.SetMode(gin.ReleaseMode)
	s.router = gin.New()
	if err := s.router.SetTrustedProxies(options.TrustedProxies); err != nil {
		return nil, err
	}
	s.routes()
	return s, nil
}

// Handler serves every endpoint but /metrics, which has a port of its own.
func (s *Server) Handler() http.Handler { return s.router }

// Drain turns readiness off and tells open streams to reconnect elsewhere.
func (s *Server) Drain() { s.drain.Do(func() { close(s.draining) }) }
