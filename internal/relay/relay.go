package relay

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redisconn"
)

// Options configures a Relay. Only Redis is required.
type Options struct {
	// Redis is a client made by redisconn.Open, whose commands respect their
	// context's deadline.
	Redis  redis.UniversalClient
	Hub    *redisconn.Hub // shared with other adapters; nil: the relay makes and owns one
	Logger *slog.Logger   // nil: none

	TTL       time.Duration // a record's life after its last event; 1 h if 0
	MaxEvents int           // events a record may hold; 20,000 if 0
	Buffer    int           // live events kept for a slow subscriber before it re-reads; 256 if 0

	Timeout   time.Duration // of one Redis command; 2 s if 0
	Confirm   time.Duration // Subscribe waits this long for Redis; 3 s if 0
	Recheck   time.Duration // a subscriber that hears nothing re-reads the record after this; 2 s if 0
	Rarest    time.Duration // and each time after twice as long, up to this; 10 s, or Recheck if that is more, if 0
	Tolerance time.Duration // Next outlasts a Redis that is down this long; 15 s if 0

	// OnLag is told how long an event took from Publish to its arrival in this
	// process, by the clocks of both. It must not block.
	OnLag func(time.Duration)
}

// Relay implements chatconnect.Relay.
type Relay struct {
	o       Options
	ownsHub bool
	stops   stops
}

var _ chatconnect.Relay = (*Relay)(nil)

// MaxEventBytes is the largest Data of an event.
const MaxEventBytes = 256 << 10

// New returns a relay. It does not connect until it is used. Close it.
func New(options Options) *Relay {
	r := &Relay{o: options}
	if r.o.Logger == nil {
		r.o.Logger = slog.New(slog.DiscardHandler)
	}
	if r.o.Hub == nil {
		r.o.Hub = redisconn.NewHub(redisconn.HubOptions{Redis: options.Redis, Logger: r.o.Logger})
		r.ownsHub = true
	}
	orDefault(&r.o.TTL, time.Hour)
	orDefault(&r.o.MaxEvents, 20_000)
	orDefault(&r.o.Buffer, 256)
	orDefault(&r.o.Timeout, 2*time.Second)
	orDefault(&r.o.Confirm, 3*time.Second)
	orDefault(&r.o.Recheck, 2*time.Second)
	orDefault(&r.o.Rarest, 10*time.Second)
	r.o.Rarest = max(r.o.Rarest, r.o.Recheck)
	orDefault(&r.o.Tolerance, 15*time.Second)
	if r.o.OnLag == nil {
		r.o.OnLag = func(time.Duration) {}
	}
	return r
}

func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Close ends every subscription; their Next returns a KindUnavailable error.
// A shared Options.Hub is left to its owner, whose Close does the same.
func (r *Relay) Close() {
	if r.ownsHub {
		r.o.Hub.Close()
	}
}

// key names a message's stream and channel. Visitor ids hold no colon, so two
// messages never share a key.
func key(m chatconnect.MessageRef) (string, error) {
	if !chatconnect.ValidUUID(string(m.ClientID)) ||
		!chatconnect.ValidVisitorID(string(m.SessionID)) ||
		!chatconnect.ValidVisitorID(string(m.MessageID)) {
		return "", chatconnect.Errorf(chatconnect.KindInvalid, "message_ref_invalid", "The session or message id is not valid.")
	}
	return string(m.ClientID) + ":relay:" + string(m.SessionID) + ":" + string(m.MessageID), nil
}

// unavailable wraps a failure of Redis. The end of the caller's own context is
// not one.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var known *chatconnect.Error
	if errors.As(err, &known) {
		return err
	}
	return errUnavailable.Because(err)
}

var errUnavailable = chatconnect.Errorf(chatconnect.KindUnavailable, "relay_unavailable",
	"Live answers are unavailable for a moment. Please try again.")
