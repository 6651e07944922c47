package api

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/connlimit"
	"github.com/chatconnect/chatconnect/widget"
)

// DetectType tells what a file is by its content; name only settles what
// content leaves open (CSV or plain text). An unacceptable file is a
// KindUnsupported or KindInvalid error with one of the document codes.
type DetectType func(content io.ReaderAt, size int64, name string) (chatconnect.FileType, error)

// Options are the Server's dependencies and settings.
type Options struct {
	Users     chatconnect.UserStore
	Accounts  chatconnect.AccountStore
	Clients   chatconnect.ClientStore
	Budgets   chatconnect.BudgetStore
	Documents chatconnect.DocumentStore
	// Conversations are what visitors and members see of what was said.
	Conversations chatconnect.ConversationStore
	Blobs         chatconnect.BlobStore
	Sessions      chatconnect.LoginSessions
	Limiter       chatconnect.RateLimiter
	Places        chatconnect.PlaceLimiter // of the streams that a visitor reads at once
	Stops         chatconnect.StopSignals  // optional; without it an answer stops with its worker's next heartbeat
	Relay         chatconnect.Relay
	Progress      chatconnect.ProgressFeed
	Temporal      client.Client
	DetectType    DetectType
	Decoder       http.Handler              // optional; decodes workflow payloads at …/decode, see temporal.NewDecodeHandler
	Embedder      chatconnect.Embedder      // optional; without it there is no POST /embed
	Metrics       Metrics                   // optional
	Health        chatconnect.HealthMonitor // optional; without it the process is always ready
	Pages         fs.FS                     // the dashboard's files, index.html at the root; nil serves none
	PagePolicy    string                    // their Content-Security-Policy; empty allows a page its own files only
	Logger        *slog.Logger

	MaxFileSize       int64                    // bytes of one uploaded file; 0 means 10 MiB
	SessionSecret     []byte                   // at least 32 bytes; another one ends all visitors' sessions
	Registration      chatconnect.Registration // who may make an account; empty means closed
	VerifyEmail       bool                     // accounts wait until a mailed link is opened; needs PublicURL
	InternalAPISecret string                   // empty turns the internal endpoints off
	TemporalUIOrigin  string                   // of the page that may have payloads decoded; empty: none
	PublicURL         string                   // the only address whose host is answered; https also turns on Secure cookies and HSTS; empty: any host
	LocalHostsOnly    bool                     // without PublicURL: only localhost and IP addresses are answered
	SessionLifetime   time.Duration            // of a login; 0 means 30 days
	TrustedProxies    []string                 // CIDRs or addresses whose X-Forwarded-For is believed
	// MaxConnectionsPerAddress is how many requests of one address may be under
	// way, streams and WebSockets included; 0 means 256.
	MaxConnectionsPerAddress int
	Uploads                  UploadLimits
	StagingDir               string        // for files while they are uploaded; empty means the system's
	ChatTimeout              time.Duration // how long POST /chat waits; 0 means 2 minutes
	Version                  string
	Allowance                chatconnect.Allowance // what the stores enforce, to be shown
	Models                   []string              // that a client may choose instead of its tier's
	PaidModels               []string              // that one of the paid tier may choose besides
	// ModelChoice says which model answers a client of a tier that chose one, or
	// none ("").
	ModelChoice func(tier chatconnect.Tier, wish string) chatconnect.ModelChoice
	// Notice tells people what the model setup is, e.g. that answers are
	// extractive because no API key is set. Shown by the dashboard.
	Notice string
}

func (o *Options) setDefaults() error {
	required := map[string]bool{
		"Users": o.Users == nil, "Accounts": o.Accounts == nil, "Clients": o.Clients == nil, "Budgets": o.Budgets == nil, "Documents": o.Documents == nil,
		"Blobs": o.Blobs == nil, "Sessions": o.Sessions == nil, "Limiter": o.Limiter == nil,
		"Relay": o.Relay == nil, "Progress": o.Progress == nil, "Temporal": o.Temporal == nil,
		"DetectType": o.DetectType == nil, "Places": o.Places == nil, "Conversations": o.Conversations == nil,
		"SessionSecret": len(o.SessionSecret) == 0,
	}
	var missing []error
	for name, absent := range required {
		if absent {
			missing = append(missing, fmt.Errorf("api: Options.%s is required", name))
		}
	}
	if o.VerifyEmail && o.PublicURL == "" {
		missing = append(missing, errors.New("api: Options.PublicURL is required for mails"))
	}
	if len(missing) > 0 {
		return errors.Join(missing...)
	}
	if o.PagePolicy == "" {
		o.PagePolicy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	}
	if o.Health == nil {
		o.Health = alwaysReady{}
	}
	if o.Metrics == nil {
		o.Metrics = NoMetrics{}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxFileSize <= 0 {
		o.MaxFileSize = 10 << 20
	}
	if o.SessionLifetime <= 0 {
		o.SessionLifetime = 30 * 24 * time.Hour
	}
	if o.MaxConnectionsPerAddress <= 0 {
		o.MaxConnectionsPerAddress = defaultPerAddress
	}
	o.Uploads.setDefaults(o.MaxFileSize)
	if o.ChatTimeout <= 0 {
		o.ChatTimeout = 2 * time.Minute
	}
	if o.Registration == "" {
		o.Registration = chatconnect.RegistrationClosed
	}
	if o.StagingDir == "" {
		o.StagingDir = os.TempDir()
	}
	return os.MkdirAll(o.StagingDir, 0o700)
}

// Server is the HTTP API. Create it with New, serve Handler, and call Drain
// before shutting the http.Server down: Shutdown waits for open streams.
type Server struct {
	Options
	router      *gin.Engine
	tracer      trace.Tracer
	keys        *keyCache
	passwords   *passwordHasher
	pages       map[string]page
	widget      *widget.Assets
	crossOrigin *http.CrossOriginProtection
	publicURL   *url.URL // nil without one
	timing      timing

	sessionTokens  sessionTokens
	serverSessions *serverSessions
	devices        deviceCookies
	// documentBodies holds a place for each file in JSON that is being read.
	documentBodies chan struct{}
	embedPlaces    *embedPlaces

	underWay      *connlimit.Counter // requests by address
	uploadSpace   *uploadSpace
	secretGuesses *guesses // of the internal secret
	proxyWarning  sync.Once

	draining chan struct{} // closed by Drain
	drain    sync.Once
}

// timing are the server's clocks, in one place so that tests can be quick.
type timing struct {
	silence      time.Duration // of a relay, until the workflow's result is asked for too
	grace        time.Duration // for the relay to deliver what the result already says
	heartbeat    time.Duration // between comments of an event stream
	body         time.Duration // for a request's body
	write        time.Duration // for one write of a response
	uploadStall  time.Duration // without a byte of a large body
	upload       time.Duration // for a whole upload
	documentWait time.Duration // for the place of a file in JSON
	dependency   time.Duration // for one call of a dependency within a request
	ping         time.Duration // between pings, and membership checks, of a WebSocket
	slowReader   time.Duration // that a full WebSocket queue is waited for
	resubscribe  time.Duration // first pause after a lost feed; doubles up to 16 times this
	startTimeout time.Duration // to start a workflow
}

func defaultTiming() timing {
	return timing{
		silence: 2 * time.Second, grace: 500 * time.Millisecond, heartbeat: 15 * time.Second,
		body: bodyTimeout, write: 10 * time.Second, uploadStall: bodyTimeout, upload: 15 * time.Minute, documentWait: 3 * time.Second,
		dependency: 5 * time.Second, ping: 20 * time.Second, slowReader: 10 * time.Second,
		resubscribe: 250 * time.Millisecond, startTimeout: 5 * time.Second,
	}
}

// New builds the router. It fails when a required dependency is missing or
// the staging directory can't be made.
func New(options Options) (*Server, error) {
	staging := options.StagingDir // the system's is not ours to sweep
	if err := options.setDefaults(); err != nil {
		return nil, err
	}
	if staging != "" {
		sweepStaging(staging, options.Logger)
	}
	pages, err := loadPages(options.Pages)
	if err != nil {
		return nil, err
	}
	tokens, err := newSessionTokens(options.SessionSecret)
	if err != nil {
		return nil, err
	}
	devices, err := newDeviceCookies(options.SessionSecret)
	if err != nil {
		return nil, err
	}
	assets, err := widget.Load()
	if err != nil {
		return nil, err
	}
	var public *url.URL
	if options.PublicURL != "" {
		if public, err = url.Parse(options.PublicURL); err != nil {
			return nil, fmt.Errorf("api: public URL: %w", err)
		}
	}
	gin.SetMode(gin.ReleaseMode)
	s := &Server{
		Options:     options,
		router:      gin.New(),
		tracer:      otel.Tracer("chatconnect/api"),
		keys:        newKeyCache(options.Clients.KeyOwner),
		passwords:   newPasswordHasher(),
		pages:       pages,
		widget:      assets,
		crossOrigin: http.NewCrossOriginProtection(),
		publicURL:   public,
		timing:      defaultTiming(),
		draining:    make(chan struct{}),

		sessionTokens:  tokens,
		serverSessions: newServerSessions(),
		embedPlaces:    newEmbedPlaces(),
		devices:        devices,
		documentBodies: make(chan struct{}, documentBodiesAtOnce),
		underWay:       connlimit.NewCounter(options.MaxConnectionsPerAddress),
		secretGuesses:  newGuesses(),
		uploadSpace:    newUploadSpace(options.Uploads, options.StagingDir, options.Metrics),
	}
	s.router.HandleMethodNotAllowed = true
	s.router.RedirectTrailingSlash = false
	// Proxies that we know write this one. Any other a visitor could choose.
	s.router.RemoteIPHeaders = []string{headerForwarded}
	if err := s.router.SetTrustedProxies(options.TrustedProxies); err != nil {
		return nil, fmt.Errorf("api: trusted proxies: %w", err)
	}
	s.routes()
	return s, nil
}

// Drain turns readiness off and tells open streams to reconnect elsewhere.
func (s *Server) Drain() { s.drain.Do(func() { close(s.draining) }) }

func (s *Server) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}
