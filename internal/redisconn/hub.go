package redisconn

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrHubClosed is returned by Subscribe after Close.
var ErrHubClosed = errors.New("redisconn: hub is closed")

// Sink receives what is published on a channel. The hub's one reading
// goroutine calls it while holding the hub's lock: a Sink must not block and
// must not call the hub, or every channel of the process stands still.
type Sink interface {
	// Message delivers one published payload.
	Message(payload string)
	// Gap says that payloads may have been missed: the connection was lost, or
	// has just been established again.
	Gap()
}

// HubOptions configures a Hub.
type HubOptions struct {
	Redis  redis.UniversalClient // required
	Logger *slog.Logger          // nil: none

	// Ping is how often an idle connection is tested, 2 s if 0. A connection
	// that is silent for Silence (5 s if 0) is replaced: a vanished peer sends
	// no reset, and go-redis alone would wait for TCP to give up.
	Ping    time.Duration
	Silence time.Duration
}

// Hub shares one pub/sub connection between all subscribers of a process.
// It survives the loss of the connection: it reconnects, subscribes again and
// tells every Sink about the gap.
type Hub struct {
	redis         redis.UniversalClient
	log           *slog.Logger
	ping, silence time.Duration

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	start   sync.Once
	stopped sync.WaitGroup

	mu       sync.Mutex
	channels map[string]*channel
	changed  map[string]struct{} // channels whose subscription the writer must look at
	wake     chan struct{}       // holds one token while changed is not empty
}

// channel is one subscribed channel. It stays in the map without sinks until
// the writer has seen it, so that a quick return finds it still confirmed.
type channel struct {
	sinks     map[Sink]bool // true once the sink relies on receiving everything
	confirmed bool
	ready     chan struct{} // closed while confirmed
}

// NewHub returns a hub, which connects when it is first subscribed to.
func NewHub(options HubOptions) *Hub {
	h := &Hub{
		redis:    options.Redis,
		log:      options.Logger,
		ping:     options.Ping,
		silence:  options.Silence,
		channels: make(map[string]*channel),
		changed:  make(map[string]struct{}),
		wake:     make(chan struct{}, 1),
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.ping <= 0 {
		h.ping = 2 * time.Second
	}
	if h.silence <= 0 {
		h.silence = 5 * time.Second
	}
	// The hub belongs to the process, not to the request that happens to
	// subscribe first.
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Subscribe delivers the channel's payloads to sink until cancel is called.
// It returns once Redis has confirmed the subscription, so that whatever is
// published afterwards arrives, or is announced by a Gap. sink must be a
// comparable value, and may be subscribed to a channel once.
func (h *Hub) Subscribe(ctx context.Context, name string, sink Sink) (cancel func(), err error) {
	if h.ctx.Err() != nil {
		return nil, ErrHubClosed
	}
	h.start.Do(func() { h.stopped.Go(h.run) })

	h.mu.Lock()
	ch := h.channels[name]
	if ch == nil {
		ch = &channel{sinks: make(map[Sink]bool), ready: make(chan struct{})}
		h.channels[name] = ch
		h.change(name)
	}
	ch.sinks[sink] = ch.confirmed
	ready := ch.ready
	h.mu.Unlock()

	cancel = func() { h.unsubscribe(name, ch, sink) }
	select {
	case <-ready:
		return cancel, nil
	case <-ctx.Done():
		cancel()
		return nil, ctx.Err()
	case <-h.ctx.Done():
		cancel()
		return nil, ErrHubClosed
	}
}

func (h *Hub) unsubscribe(name string, ch *channel, sink Sink) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(ch.sinks, sink)
	if len(ch.sinks) == 0 && h.channels[name] == ch {
		h.change(name)
	}
}

// change asks the writer to look at a channel. The caller holds the lock.
func (h *Hub) change(name string) {
	h.changed[name] = struct{}{}
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Done is closed when the hub is.
func (h *Hub) Done() <-chan struct{} { return h.ctx.Done() }

// Close ends the connection and every pending Subscribe. Sinks hear no more.
func (h *Hub) Close() {
	h.cancel()
	h.start.Do(func() {}) // a hub that never ran must not start any more
	h.stopped.Wait()
}

// run keeps a connection until the hub is closed.
func (h *Hub) run() {
	const longest = time.Second
	backoff := 20 * time.Millisecond
	for h.ctx.Err() == nil {
		established, err := h.session()
		if h.ctx.Err() != nil {
			return
		}
		h.lost()
		if established {
			backoff = 20 * time.Millisecond
		}
		h.log.Warn("redis: pub/sub connection lost, connecting again", "error", err, "in", backoff)
		select {
		case <-time.After(backoff):
		case <-h.ctx.Done():
		}
		backoff = min(2*backoff, longest)
	}
}

// session runs one connection until it fails. established reports whether the
// server has answered on it.
func (h *Hub) session() (established bool, err error) {
	ctx, cancel := context.WithCancel(h.ctx)
	pubsub := h.redis.Subscribe(ctx) // of no channels: does not connect yet

	// A blocked read does not see its context; closing the connection ends it.
	stop := context.AfterFunc(ctx, func() { _ = pubsub.Close() })
	var writer sync.WaitGroup
	var writeErr error
	defer func() {
		cancel()
		stop()
		_ = pubsub.Close()
		writer.Wait()
		if writeErr != nil {
			err = writeErr // the read failed because the write had
		}
	}()
	writer.Go(func() {
		if writeErr = h.write(ctx, pubsub); writeErr != nil {
			cancel()
		}
	})

	for {
		// Pings make the server talk at least every h.ping. A timeout may
		// leave half a message in the buffer, so it ends the session as any
		// other error does.
		message, err := pubsub.ReceiveTimeout(ctx, h.silence)
		if err != nil {
			return established, err
		}
		established = true
		switch m := message.(type) {
		case *redis.Message:
			h.dispatch(m.Channel, m.Payload)
		case *redis.Subscription:
			if m.Kind == "subscribe" {
				h.confirm(m.Channel)
			}
		}
	}
}

// write sends the commands of one session: what to subscribe to, and pings.
func (h *Hub) write(ctx context.Context, pubsub *redis.PubSub) error {
	const perCommand = 500
	sent := make(map[string]struct{})
	h.mu.Lock()
	for name := range h.channels {
		h.changed[name] = struct{}{}
	}
	h.mu.Unlock()

	tick := time.NewTicker(h.ping)
	defer tick.Stop()
	for {
		add, drop := h.changes(sent)
		for len(add) > 0 {
			n := min(len(add), perCommand)
			if err := pubsub.Subscribe(ctx, add[:n]...); err != nil {
				return err
			}
			add = add[n:]
		}
		for len(drop) > 0 {
			n := min(len(drop), perCommand)
			if err := pubsub.Unsubscribe(ctx, drop[:n]...); err != nil {
				return err
			}
			drop = drop[n:]
		}
		select {
		case <-h.wake:
		case <-tick.C:
			if err := pubsub.Ping(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// changes compares what is wanted with what the session has sent, updates
// sent, and forgets channels that nobody reads.
func (h *Hub) changes(sent map[string]struct{}) (add, drop []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.changed {
		ch, known := h.channels[name]
		if known && len(ch.sinks) == 0 {
			delete(h.channels, name)
			known = false
		}
		_, subscribed := sent[name]
		switch {
		case known && !subscribed:
			sent[name] = struct{}{}
			add = append(add, name)
		case !known && subscribed:
			delete(sent, name)
			drop = append(drop, name)
		}
	}
	clear(h.changed)
	return add, drop
}

// confirm notes that the server has subscribed us. A second confirmation means
// that there was a time without a subscription. (An old confirmation may be
// taken for that of a newer SUBSCRIBE, after a quick leave and return; the
// newer one then counts as second, so that the gap is still announced.)
func (h *Hub) confirm(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch := h.channels[name]
	if ch == nil {
		return
	}
	if !ch.confirmed {
		ch.confirmed = true
		close(ch.ready)
	}
	for sink, relies := range ch.sinks {
		if relies {
			sink.Gap()
		}
		ch.sinks[sink] = true
	}
}

// lost marks every subscription as gone.
func (h *Hub) lost() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ch := range h.channels {
		if ch.confirmed {
			ch.confirmed = false
			ch.ready = make(chan struct{})
			for sink := range ch.sinks {
				sink.Gap()
			}
		}
	}
}

func (h *Hub) dispatch(name, payload string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ch := h.channels[name]; ch != nil {
		for sink := range ch.sinks {
			sink.Message(payload)
		}
	}
}
