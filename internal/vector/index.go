package vector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

const (
	// poolSize connections share the calls round-robin, so that a large upsert
	// does not hold up searches behind it on one HTTP/2 connection.
	poolSize = 3
	// maxReceive is the largest answer accepted, in bytes. gRPC's default of
	// 4 MB is reached by a few hundred long passages.
	maxReceive = 64 << 20

	searchTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 60 * time.Second
	adminTimeout  = 30 * time.Second
)

// Options configure an Index.
type Options struct {
	// URL is http(s)://host:port of Qdrant's gRPC port; the port defaults to
	// 6334. https means TLS. No port is translated: 6333 is the REST port and
	// does not answer gRPC.
	URL    string
	APIKey string // empty for a server without one
	// Prefix starts the names of collections and aliases, so that several
	// installations can share a server; DefaultPrefix if empty.
	Prefix string
	// Model and Dimensions are those set up: what a fresh installation's
	// collection is made for, and what Notice compares the index with.
	Model      string
	Dimensions int
	// OnSearch, if set, is called with the duration of each search's round
	// trip, failed ones too.
	OnSearch func(time.Duration)
	Logger   *slog.Logger // slog.Default() if nil
}

// Index implements chatconnect.VectorIndex. Its methods return KindUnavailable
// errors with code "vector_store_unavailable" while the server can't be
// reached or refuses the key, and the context's error if that ended first.
type Index struct {
	client     *qdrant.Client
	prefix     string
	model      string
	dimensions int
	onSearch   func(time.Duration)
	log        *slog.Logger

	current   atomic.Pointer[view]                   // nil until seen, and after a change
	mismatch  atomic.Pointer[chatconnect.Generation] // the active one, if of another model
	resolving chan struct{}                          // holds one token: the right to look and to change
}

var _ chatconnect.VectorIndex = (*Index)(nil)

// New returns an Index without contacting the server: connections are opened
// by the first call, and the collection is created by the first that needs it.
// It fails only for options that can never work.
func New(ctx context.Context, options Options) (*Index, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	address, err := parseURL(options.URL)
	if err != nil {
		return nil, err
	}
	if options.Model == "" || options.Dimensions <= 0 {
		return nil, errors.New("vector: Options.Model and Options.Dimensions are required")
	}
	client, err := qdrant.NewClient(&qdrant.Config{
		Host:   address.host,
		Port:   address.port,
		UseTLS: address.tls,
		APIKey: options.APIKey,
		// The client's own check blocks for 13 s on a host that does not
		// answer; Ping is ours.
		SkipCompatibilityCheck: true,
		PoolSize:               poolSize,
		GrpcOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceive)),
			// gRPC waits up to two minutes between attempts to reconnect; a
			// store that is back should be used at once.
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
				MinConnectTimeout: 5 * time.Second,
			}),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("vector: %w", err)
	}
	index := &Index{
		client:     client,
		prefix:     cmp.Or(options.Prefix, DefaultPrefix),
		model:      options.Model,
		dimensions: options.Dimensions,
		onSearch:   options.OnSearch,
		log:        options.Logger,
		resolving:  make(chan struct{}, 1),
	}
	if index.onSearch == nil {
		index.onSearch = func(time.Duration) {}
	}
	if index.log == nil {
		index.log = slog.Default()
	}
	return index, nil
}

// Close closes the connections.
func (x *Index) Close() error { return x.client.Close() }

// Ping reports whether the server answers and accepts the key. The health
// check alone would not: a server may answer it without a key. It also looks
// whether the index is that of the model set up (see Notice), which a process
// that never searches would not notice.
func (x *Index) Ping(ctx context.Context) error {
	call, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if _, err := x.client.HealthCheck(call); err != nil {
		return storeError(ctx, "health check", err)
	}
	targets, err := x.targets(call)
	if err != nil {
		return storeError(ctx, "list aliases", err)
	}
	if targets[aliasActive] == "" {
		return nil // nothing has been indexed yet
	}
	active, err := x.generation(call, targets[aliasActive])
	if err == nil {
		x.compare(ctx, active)
	} else if !isNotFound(err) {
		return storeError(ctx, "collection info", err)
	}
	return nil
}

// call runs one request against a generation's collection, within timeout. A
// collection that is gone, because the index was switched or its server lost
// it, is ErrGenerationGone, and the next caller learns what there is now.
func call[T any](ctx context.Context, x *Index, operation string, timeout time.Duration, generation chatconnect.Generation, request func(ctx context.Context, collection string) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	result, err := request(limited, generation.Collection)
	if err == nil {
		return result, nil
	}
	var zero T
	if isNotFound(err) && ctx.Err() == nil {
		x.forget()
		return zero, chatconnect.ErrGenerationGone.Because(fmt.Errorf("vector: %s: %w", operation, err))
	}
	return zero, storeError(ctx, operation, err)
}

// inAll runs one request against every generation, and again against those
// there are then if one is gone. results are in the order of Generations.All.
func inAll[T any](ctx context.Context, x *Index, operation string, timeout time.Duration, request func(ctx context.Context, collection string) (T, error)) ([]T, error) {
	for attempt := 0; ; attempt++ {
		generations, err := x.Generations(ctx)
		if err != nil {
			return nil, err
		}
		var results []T
		for _, g := range generations.All() {
			var result T
			if result, err = call(ctx, x, operation, timeout, g, request); err != nil {
				break
			}
			results = append(results, result)
		}
		if err == nil {
			return results, nil
		}
		if attempt > 0 || !errors.Is(err, chatconnect.ErrGenerationGone) {
			return nil, err
		}
	}
}
