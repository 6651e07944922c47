package progress

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redisconn"
)

// Options configures a Feed. Only Redis is required.
type Options struct {
	Redis   redis.UniversalClient // made by redisconn.Open
	Hub     *redisconn.Hub        // shared with other adapters; nil: the feed makes and owns one
	Logger  *slog.Logger          // nil: none
	Timeout time.Duration         // of a publish, 1 s if 0; a subscription may take three times as long
	Buffer  int                   // changes a slow reader may fall behind, 64 if 0
}

// Feed implements chatconnect.ProgressFeed.
type Feed struct {
	o       Options
	ownsHub bool
}

var _ chatconnect.ProgressFeed = (*Feed)(nil)

// New returns a feed. It does not connect until it is used. Close it.
func New(options Options) *Feed {
	f := &Feed{o: options}
	if f.o.Logger == nil {
		f.o.Logger = slog.New(slog.DiscardHandler)
	}
	if f.o.Hub == nil {
		f.o.Hub = redisconn.NewHub(redisconn.HubOptions{Redis: options.Redis, Logger: f.o.Logger})
		f.ownsHub = true
	}
	if f.o.Timeout <= 0 {
		f.o.Timeout = time.Second
	}
	if f.o.Buffer <= 0 {
		f.o.Buffer = 64
	}
	return f
}

// Close closes every subscription's channel. A shared Options.Hub is left to
// its owner, whose Close does the same.
func (f *Feed) Close() {
	if f.ownsHub {
		f.o.Hub.Close()
	}
}

var errUnavailable = chatconnect.Errorf(chatconnect.KindUnavailable, "progress_unavailable",
	"Live updates are unavailable for a moment.")

func channelOf(client chatconnect.ClientID) (string, error) {
	if !chatconnect.ValidUUID(string(client)) {
		return "", chatconnect.AsError(fmt.Errorf("progress: client id %q", client))
	}
	return string(client) + ":documents", nil
}

// PublishDocument implements chatconnect.ProgressFeed. Only the document's
// public fields, those in its JSON, travel. The error is KindUnavailable
// (progress_unavailable) if Redis does not answer.
func (f *Feed) PublishDocument(ctx context.Context, document chatconnect.Document) error {
	name, err := channelOf(document.ClientID)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(document)
	if err != nil {
		return chatconnect.AsError(fmt.Errorf("progress: %w", err))
	}
	call, cancel := context.WithTimeout(ctx, f.o.Timeout)
	defer cancel()
	if err := f.o.Redis.Publish(call, name, payload).Err(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errUnavailable.Because(err)
	}
	return nil
}

// SubscribeDocuments implements chatconnect.ProgressFeed. It returns once
// Redis has confirmed the subscription, so that a snapshot taken afterwards
// misses nothing. The channel is closed when ctx ends, when the connection was
// lost, and when the reader has fallen Buffer changes behind.
func (f *Feed) SubscribeDocuments(ctx context.Context, client chatconnect.ClientID) (<-chan chatconnect.Document, error) {
	name, err := channelOf(client)
	if err != nil {
		return nil, err
	}
	r := &reader{
		documents: make(chan chatconnect.Document, f.o.Buffer),
		over:      make(chan struct{}),
		client:    client,
		log:       f.o.Logger,
	}
	wait, cancel := context.WithTimeout(ctx, 3*f.o.Timeout)
	defer cancel()
	leave, err := f.o.Hub.Subscribe(wait, name, r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errUnavailable.Because(err)
	}
	go func() {
		select {
		case <-r.over:
		case <-ctx.Done():
		case <-f.o.Hub.Done():
		}
		leave()
		r.Gap()
	}()
	return r.documents, nil
}

// reader is one subscription; it is over after its first gap.
type reader struct {
	client chatconnect.ClientID
	log    *slog.Logger

	mu        sync.Mutex
	closed    bool
	documents chan chatconnect.Document
	over      chan struct{}
}

// Message implements redisconn.Sink.
func (r *reader) Message(payload string) {
	var d chatconnect.Document
	if err := json.Unmarshal([]byte(payload), &d); err != nil || d.ClientID != r.client {
		r.log.Error("progress: message ignored", "error", err, "client_id", r.client)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	select {
	case r.documents <- d:
	default:
		r.close()
	}
}

// Gap implements redisconn.Sink.
func (r *reader) Gap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.close()
}

func (r *reader) close() {
	if !r.closed {
		r.closed = true
		close(r.documents)
		close(r.over)
	}
}
