package cache

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Options configures a Cache. Only Redis is required.
type Options struct {
	Redis   redis.UniversalClient // made by redisconn.Open
	Timeout time.Duration         // of a call, 200 ms if 0
}

// Cache implements chatconnect.Cache, and Batch beyond it. The caller's keys
// are Redis's keys: those with a tenant's data start with the client's id.
type Cache struct {
	redis   redis.UniversalClient
	timeout time.Duration
}

var (
	_ chatconnect.Cache = (*Cache)(nil)
	_ Batch             = (*Cache)(nil)
)

// New returns a cache. It does not connect until it is used.
func New(options Options) *Cache {
	c := &Cache{redis: options.Redis, timeout: options.Timeout}
	if c.timeout <= 0 {
		c.timeout = 200 * time.Millisecond
	}
	return c
}

var errUnavailable = chatconnect.Errorf(chatconnect.KindUnavailable, "cache_unavailable",
	"The cache is unavailable for a moment.")

// Get implements chatconnect.Cache. Errors are KindUnavailable
// (cache_unavailable), here and in the other methods.
func (c *Cache) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	value, err = c.redis.Get(call, key).Bytes()
	switch {
	case err == nil:
		return value, true, nil
	case errors.Is(err, redis.Nil):
		return nil, false, nil
	default:
		return nil, false, unavailable(ctx, err)
	}
}

// Set implements chatconnect.Cache. A lifetime below 1 ms is refused: Redis
// would keep the value for ever.
func (c *Cache) Set(ctx context.Context, key string, value []byte, lifetime time.Duration) error {
	return c.SetMany(ctx, []Entry{{Key: key, Value: value}}, lifetime)
}

// GetMany implements Batch.
func (c *Cache) GetMany(ctx context.Context, keys []string) ([][]byte, error) {
	values := make([][]byte, len(keys))
	if len(keys) == 0 {
		return values, nil
	}
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// A pipeline of GETs and not MGET, which a cluster refuses for keys of
	// different slots. It costs the same one round trip.
	commands := make([]*redis.StringCmd, len(keys))
	_, err := c.redis.Pipelined(call, func(p redis.Pipeliner) error {
		for i, key := range keys {
			commands[i] = p.Get(call, key)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, unavailable(ctx, err)
	}
	for i, command := range commands {
		value, err := command.Bytes()
		switch {
		case err == nil:
			values[i] = value
		case !errors.Is(err, redis.Nil):
			return nil, unavailable(ctx, err)
		}
	}
	return values, nil
}

// SetMany implements Batch.
func (c *Cache) SetMany(ctx context.Context, entries []Entry, lifetime time.Duration) error {
	if lifetime < time.Millisecond {
		return chatconnect.AsError(errors.New("cache: lifetime below 1 ms"))
	}
	if len(entries) == 0 {
		return nil
	}
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	_, err := c.redis.Pipelined(call, func(p redis.Pipeliner) error {
		for _, e := range entries {
			p.Set(call, e.Key, e.Value, lifetime)
		}
		return nil
	})
	if err != nil {
		return unavailable(ctx, err)
	}
	return nil
}

func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errUnavailable.Because(err)
}
