// Package config reads ChatConnect's settings from the environment
// (DESIGN §3). It knows names, defaults and what is valid; it opens nothing.
package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Secret is a setting that must not be printed.
type Secret string

// String hides the value from logs and from config check.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "********"
}

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// prefixPattern leaves room for a model's name behind it: names of collections
// have at most 255 characters.
var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)

// Config holds every setting. Each Secret NAME may also be given as
// NAME_FILE, the path of a file that holds it.
type Config struct {
	DatabaseURL        Secret `env:"DATABASE_URL" help:"PostgreSQL, postgres://user:password@host:5432/chatconnect; a login that owns nothing"`
	MigrateDatabaseURL Secret `env:"MIGRATE_DATABASE_URL" help:"the same database for migrate and serve, with the login that owns the schema; DATABASE_URL unless set"`

	RedisURL          Secret `env:"REDIS_URL" help:"Redis, redis://:password@host:6379/0"`
	QdrantURL         string `env:"QDRANT_URL" help:"Qdrant's gRPC port, http://host:6334"`
	QdrantAPIKey      Secret `env:"QDRANT_API_KEY" help:"Qdrant's API key, if it asks for one"`
	QdrantPrefix      string `env:"QDRANT_PREFIX" envDefault:"chatconnect" help:"starts the names of collections and aliases, so that installations can share a Qdrant"`
	TemporalAddress   string `env:"TEMPORAL_ADDRESS" help:"Temporal frontend, host:7233"`
	TemporalNamespace string `env:"TEMPORAL_NAMESPACE" envDefault:"default" help:"Temporal namespace"`
	TemporalAPIKey    Secret `env:"TEMPORAL_API_KEY" help:"Temporal Cloud API key; implies TLS"`
	TemporalTLS       bool   `env:"TEMPORAL_TLS" help:"dial Temporal with TLS"`
	TemporalCodecKey  Secret `env:"TEMPORAL_CODEC_KEY" help:"encrypts workflow payloads: id:base64(32 bytes), comma-separated, the first one encrypts"`

	TemporalUIOrigin string `env:"TEMPORAL_UI_ORIGIN" help:"origin of Temporal's UI, http://localhost:8233, whose page may have payloads decoded (POST /temporal/codec/decode)"`

	SessionSecret     Secret `env:"SESSION_SECRET" help:"keys the dashboard's and the visitors' sessions; at least 32 characters"`
	InternalAPISecret Secret `env:"INTERNAL_API_SECRET" help:"X-Internal-Secret of the internal endpoints, at least 32 characters; they are off without it"`

	Registration chatconnect.Registration `env:"REGISTRATION" envDefault:"closed" help:"who may make an account: open (everybody), invite (people with an invitation) or closed (nobody, but for the first account of an empty installation)"`
	SMTPURL      Secret                   `env:"SMTP_URL" help:"mail server, smtps://user:password@host:465?from=chat@example.com; with it new accounts confirm their address, and invitations are mailed"`

	UploadDir   string `env:"UPLOAD_DIR" envDefault:"data/uploads" help:"staging for uploads, and the default blob store"`
	BlobURL     string `env:"BLOB_URL" help:"where uploaded files are kept: file:///directory or s3://bucket?region=name&endpoint=URL; file://<UPLOAD_DIR>/blobs unless set"`
	CacheDir    string `env:"CACHE_DIR" help:"compiled PDF engine; the user cache directory unless set"`
	MaxFileSize int64  `env:"MAX_FILE_SIZE" envDefault:"10485760" help:"bytes of one uploaded file"`

	OpenAIAPIKey        Secret `env:"OPENAI_API_KEY" help:"OpenAI or a compatible server; without any model key answers are extractive"`
	OpenAIBaseURL       string `env:"OPENAI_BASE_URL" help:"base URL of an OpenAI-compatible server, with /v1"`
	AnthropicAPIKey     Secret `env:"ANTHROPIC_API_KEY" help:"Anthropic"`
	AnthropicBaseURL    string `env:"ANTHROPIC_BASE_URL" help:"base URL of an Anthropic-compatible server"`
	EmbeddingModel      string `env:"EMBEDDING_MODEL" envDefault:"text-embedding-3-large" help:"embedding model, used when OPENAI_API_KEY is set"`
	EmbeddingDimensions int    `env:"EMBEDDING_DIMENSIONS" help:"length of the vectors; the model's own unless set"`
	// A batch is usually one call of the provider with 64 texts.
	EmbeddingBatchesPerSecond float64 `env:"EMBEDDING_BATCHES_PER_SECOND" envDefault:"0" help:"batches of documents embedded each second by all workers together; 0 sets no limit"`
	EmbeddingConcurrency      int     `env:"EMBEDDING_CONCURRENCY" envDefault:"8" help:"batches of documents embedded at once by one worker process"`

	FreeModel string `env:"FREE_MODEL" envDefault:"gpt-4o-mini" help:"model of clients of the free tier"`
	PaidModel string `env:"PAID_MODEL" envDefault:"claude-sonnet-4-5" help:"model of clients of the paid tier"`
	// A client's own choice is one of these.
	AllowedModels []string `env:"ALLOWED_MODELS" help:"models that a client may choose, comma-separated; unless set the free tier's, and on the paid tier that one's too"`
	FallbackModel string   `env:"FALLBACK_MODEL" help:"model that answers when another is down; none unless set"`
	// The specification's. Small talk and rewriting are not sampled with it.
	Temperature Temperature `env:"TEMPERATURE" envDefault:"0.7" help:"what answers are sampled with, 0 to 2; default leaves it to the provider, for models that refuse one"`
	ModelPrices string      `env:"MODEL_PRICES" help:"what models cost, in dollars for a million tokens: model=input/cached/output,…; list prices of common models unless set"`

	// What clients and accounts may have; the operator changes a client's ceiling
	// with "chatconnect client".
	FreeTokenCeiling    int64 `env:"FREE_TOKEN_CEILING" envDefault:"5000000" help:"input, output and embedding tokens a month of a client of the free tier; 0 sets no limit"`
	PaidTokenCeiling    int64 `env:"PAID_TOKEN_CEILING" envDefault:"0" help:"the same of a client of the paid tier"`
	AccountTokenCeiling int64 `env:"ACCOUNT_TOKEN_CEILING" envDefault:"10000000" help:"the same of all clients of the free tier that one account owns together"`
	MaxDocuments        int   `env:"MAX_DOCUMENTS" envDefault:"1000" help:"documents of one client; 0 sets no limit"`
	MaxStoredBytes      int64 `env:"MAX_STORED_BYTES" envDefault:"1073741824" help:"bytes of one client's files together; 0 sets no limit"`
	MaxClients          int   `env:"MAX_CLIENTS" envDefault:"20" help:"clients that one account owns; 0 sets no limit"`
	MaxKeys             int   `env:"MAX_KEYS" envDefault:"20" help:"API keys of one client that are not revoked; 0 sets no limit"`

	ModelTimeout time.Duration `env:"MODEL_TIMEOUT" envDefault:"60s" help:"how long a model provider may keep silent until a call counts as failed"`

	Host           string   `env:"HOST" envDefault:"0.0.0.0" help:"address to listen on"`
	Port           int      `env:"PORT" envDefault:"5000" help:"port to listen on; 0 picks a free one"`
	PublicURL      string   `env:"PUBLIC_URL" help:"how browsers reach this installation; no other host is answered, and https turns on Secure cookies and HSTS"`
	TrustedProxies []string `env:"TRUSTED_PROXIES" help:"addresses or CIDRs whose X-Forwarded-For is believed, comma-separated"`
	// Limits of one API process.
	MaxConnections           int   `env:"MAX_CONNECTIONS" envDefault:"10000" help:"connections to the API at once"`
	MaxConnectionsPerAddress int   `env:"MAX_CONNECTIONS_PER_ADDRESS" envDefault:"256" help:"connections of one address at once, of IPv6 of a /64; behind TRUSTED_PROXIES requests under way"`
	MaxUploads               int   `env:"MAX_UPLOADS" envDefault:"32" help:"uploads received at once"`
	MaxUploadsPerUser        int   `env:"MAX_UPLOADS_PER_USER" envDefault:"6" help:"uploads of one person received at once"`
	MaxStagedBytes           int64 `env:"MAX_STAGED_BYTES" envDefault:"4294967296" help:"bytes of all uploads being received"`
	MaxStagedBytesPerUser    int64 `env:"MAX_STAGED_BYTES_PER_USER" envDefault:"1073741824" help:"bytes of one person's uploads being received"`
	UploadDiskReserve        int64 `env:"UPLOAD_DISK_RESERVE" envDefault:"536870912" help:"bytes that uploads leave free on the disk of UPLOAD_DIR"`

	MetricsAddr string   `env:"METRICS_ADDR" envDefault:"127.0.0.1:9464" help:"where /metrics listens; off turns it off"`
	Workers     int      `env:"WORKERS" envDefault:"2" help:"documents parsed at once by one worker process; about one for each processor"`
	LogLevel    LogLevel `env:"LOG_LEVEL" envDefault:"info" help:"debug, info, warn or error"`

	JanitorInterval time.Duration `env:"JANITOR_INTERVAL" envDefault:"1h" help:"how often workers look for files and points that belong to nothing; 0 turns it off"`
	ChatTimeout     time.Duration `env:"CHAT_TIMEOUT" envDefault:"2m" help:"longest time one answer may take"`
	ShutdownTimeout time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"20s" help:"how long a stopping process may finish its work"`
}

// LogLevel is a slog level by name.
type LogLevel slog.Level

var (
	_ encoding.TextUnmarshaler = (*LogLevel)(nil)
	_ slog.Leveler             = LogLevel(0)
)

// UnmarshalText reads debug, info, warn or error.
func (l *LogLevel) UnmarshalText(text []byte) error { return (*slog.Level)(l).UnmarshalText(text) }

// Level implements slog.Leveler.
func (l LogLevel) Level() slog.Level { return slog.Level(l) }

func (l LogLevel) String() string { return strings.ToLower(slog.Level(l).String()) }

// maxTemperature is the highest that any provider takes.
const maxTemperature = 2

// Temperature is a number, or nil for the provider's own.
type Temperature struct{ Value *float64 }

// UnmarshalText reads a number from 0 to 2, or "default".
func (t *Temperature) UnmarshalText(text []byte) error {
	t.Value = nil
	if string(text) == "default" {
		return nil
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(value >= 0 && value <= maxTemperature) { // NaN too
		return fmt.Errorf("must be a number from 0 to %d, or default", maxTemperature)
	}
	t.Value = &value
	return nil
}

func (t Temperature) String() string {
	if t.Value == nil {
		return "default"
	}
	return strconv.FormatFloat(*t.Value, 'g', -1, 64)
}

// devNames are CHATCONNECT_* variables that other parts of the project read.
var devNames = []string{"CHATCONNECT_HOME"}

// Load reads the settings from environ ("NAME=value" pairs, as os.Environ
// gives them). Its errors name the variable and what is wrong with it.
func Load(environ []string) (Config, error) {
	values := env.ToMap(environ)
	for name := range values {
		if strings.HasPrefix(name, "CHATCONNECT_") && !slices.Contains(devNames, name) {
			return Config{}, fmt.Errorf("%s is not a setting of ChatConnect; `chatconnect config check` lists them", name)
		}
	}
	if err := readSecretFiles(values); err != nil {
		return Config{}, err
	}
	var c Config
	if err := env.ParseWithOptions(&c, env.Options{Environment: values}); err != nil {
		return Config{}, err
	}
	if err := c.complete(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// readSecretFiles replaces NAME_FILE by NAME for every Secret.
func readSecretFiles(values map[string]string) error {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if field.Type != reflect.TypeFor[Secret]() {
			continue
		}
		name := field.Tag.Get("env")
		path := values[name+"_FILE"]
		if path == "" {
			continue
		}
		if values[name] != "" {
			return fmt.Errorf("%s and %s_FILE are both set; set one", name, name)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s_FILE: %w", name, err)
		}
		values[name] = strings.TrimRight(string(content), "\r\n")
	}
	return nil
}

// maxBatchesPerSecond is far over what any provider takes; a larger number is
// a mistake.
const maxBatchesPerSecond = 10_000

// minSecret is how many characters a secret of ours has at least.
const minSecret = 32

func (c *Config) complete() error {
	var errs []error
	dir, err := filepath.Abs(c.UploadDir)
	if err != nil {
		return fmt.Errorf("UPLOAD_DIR: %w", err)
	}
	c.UploadDir = dir
	if c.BlobURL == "" {
		c.BlobURL = (&url.URL{Scheme: "file", Path: filepath.Join(dir, "blobs")}).String()
	}
	if c.CacheDir == "" {
		base, err := os.UserCacheDir()
		if err != nil { // no HOME: a container
			base = os.TempDir()
		}
		c.CacheDir = filepath.Join(base, "chatconnect")
	}
	if c.MaxFileSize < 1 {
		errs = append(errs, errors.New("MAX_FILE_SIZE must be a positive number of bytes"))
	}
	if c.Port < 0 || c.Port > 65535 {
		errs = append(errs, errors.New("PORT must be between 0 and 65535"))
	}
	errs = append(errs, c.checkLimits(), c.checkInternalSecret())
	if c.Workers < 1 {
		errs = append(errs, errors.New("WORKERS must be at least 1"))
	}
	for name, value := range map[string]int64{
		"FREE_TOKEN_CEILING": c.FreeTokenCeiling, "PAID_TOKEN_CEILING": c.PaidTokenCeiling, "ACCOUNT_TOKEN_CEILING": c.AccountTokenCeiling,
		"MAX_DOCUMENTS": int64(c.MaxDocuments), "MAX_STORED_BYTES": c.MaxStoredBytes, "MAX_CLIENTS": int64(c.MaxClients), "MAX_KEYS": int64(c.MaxKeys),
	} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("%s must be a positive number, or 0 for no limit", name))
		}
	}
	if c.EmbeddingDimensions < 0 || c.EmbeddingDimensions > 65536 {
		errs = append(errs, errors.New("EMBEDDING_DIMENSIONS must be between 1 and 65536"))
	}
	if !prefixPattern.MatchString(c.QdrantPrefix) {
		errs = append(errs, errors.New("QDRANT_PREFIX must be 1 to 60 letters, digits, - and _"))
	}
	switch c.Registration {
	case chatconnect.RegistrationOpen, chatconnect.RegistrationInvite, chatconnect.RegistrationClosed:
	default:
		errs = append(errs, errors.New("REGISTRATION must be open, invite or closed"))
	}
	if c.ModelTimeout <= 0 {
		errs = append(errs, errors.New("MODEL_TIMEOUT must be positive"))
	}
	if c.JanitorInterval != 0 && c.JanitorInterval < time.Minute {
		errs = append(errs, errors.New("JANITOR_INTERVAL must be at least 1m, or 0 for off"))
	}
	if c.EmbeddingConcurrency < 1 {
		errs = append(errs, errors.New("EMBEDDING_CONCURRENCY must be at least 1"))
	}
	if rate := c.EmbeddingBatchesPerSecond; !(rate >= 0 && rate <= maxBatchesPerSecond) { // NaN too
		errs = append(errs, fmt.Errorf("EMBEDDING_BATCHES_PER_SECOND must be between 0 (no limit) and %d", maxBatchesPerSecond))
	}
	for name, value := range map[string]string{
		"OPENAI_BASE_URL": c.OpenAIBaseURL, "ANTHROPIC_BASE_URL": c.AnthropicBaseURL,
		"QDRANT_URL": c.QdrantURL, "PUBLIC_URL": c.PublicURL, "TEMPORAL_UI_ORIGIN": c.TemporalUIOrigin,
	} {
		if u, err := url.Parse(value); value != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
			errs = append(errs, fmt.Errorf("%s must be a URL such as http://host:port", name))
		}
	}
	// As browsers send it.
	c.TemporalUIOrigin = strings.TrimSuffix(c.TemporalUIOrigin, "/")
	return errors.Join(errs...)
}

func (c *Config) checkLimits() error {
	var errs []error
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"MAX_CONNECTIONS", int64(c.MaxConnections)}, {"MAX_CONNECTIONS_PER_ADDRESS", int64(c.MaxConnectionsPerAddress)},
		{"MAX_UPLOADS", int64(c.MaxUploads)}, {"MAX_UPLOADS_PER_USER", int64(c.MaxUploadsPerUser)},
		{"MAX_STAGED_BYTES", c.MaxStagedBytes}, {"MAX_STAGED_BYTES_PER_USER", c.MaxStagedBytesPerUser},
	} {
		if limit.value < 1 {
			errs = append(errs, fmt.Errorf("%s must be at least 1", limit.name))
		}
	}
	if c.UploadDiskReserve < 0 {
		errs = append(errs, errors.New("UPLOAD_DISK_RESERVE must be a number of bytes, 0 for none"))
	}
	return errors.Join(errs...)
}

// checkInternalSecret refuses what could be guessed: the secret opens every
// client's data.
func (c *Config) checkInternalSecret() error {
	if n := len(c.InternalAPISecret); n > 0 && n < minSecret {
		return fmt.Errorf("INTERNAL_API_SECRET has %d characters; it must have at least %d, for example the output of `openssl rand -hex 24`, or be empty, which turns the internal endpoints off", n, minSecret)
	}
	return nil
}

// RequireAPI checks what an API process needs, RequireWorker what a worker
// does, RequireDatabase what migrate does; each error lists all that is missing.
func (c Config) RequireAPI() error {
	err := c.RequireWorker()
	if len(c.SessionSecret) < minSecret {
		err = errors.Join(err, errors.New("SESSION_SECRET must be set to at least 32 characters, for example the output of `openssl rand -base64 32`"))
	}
	if c.SMTPURL != "" && c.PublicURL == "" {
		err = errors.Join(err, errors.New("PUBLIC_URL must be set with SMTP_URL: links in mails begin with it"))
	}
	return err
}

func (c Config) RequireWorker() error {
	return errors.Join(c.RequireDatabase(),
		required("REDIS_URL", string(c.RedisURL)),
		required("QDRANT_URL", c.QdrantURL),
		required("TEMPORAL_ADDRESS", c.TemporalAddress))
}

func (c Config) RequireDatabase() error { return required("DATABASE_URL", string(c.DatabaseURL)) }

// OwnerURL is the database as the owner of the schema: for migrations alone.
func (c Config) OwnerURL() string {
	if c.MigrateDatabaseURL != "" {
		return string(c.MigrateDatabaseURL)
	}
	return string(c.DatabaseURL)
}

func required(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s must be set", name)
	}
	return nil
}

// LocalHostsOnly reports whether only this machine can reach the API: it
// listens on loopback, and no proxy in front was named by PUBLIC_URL.
func (c Config) LocalHostsOnly() bool { return c.PublicURL == "" && Loopback(c.Host) }

// Loopback reports whether only this machine reaches a listener on host.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
