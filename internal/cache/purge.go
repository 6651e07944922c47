package cache

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	scanPage    = 1000
	scanTimeout = 5 * time.Second // for one page
)

var _ chatconnect.ClientCache = (*Cache)(nil)

// CountClient counts the keys that start with the client, whichever adapter
// wrote them: Redis keys of tenants do.
func (c *Cache) CountClient(ctx context.Context, client chatconnect.ClientID) (int, error) {
	var count atomic.Int64
	err := c.eachPage(ctx, client, func(_ context.Context, _ redis.Cmdable, keys []string) error {
		count.Add(int64(len(keys)))
		return nil
	})
	return int(count.Load()), err
}

// DeleteClient removes them. Keys written meanwhile may stay.
func (c *Cache) DeleteClient(ctx context.Context, client chatconnect.ClientID) error {
	return c.eachPage(ctx, client, func(ctx context.Context, node redis.Cmdable, keys []string) error {
		_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, key := range keys { // one by one: a cluster refuses keys of several slots
				p.Unlink(ctx, key)
			}
			return nil
		})
		return err
	})
}

// eachPage walks the client's keys, on every node of a cluster. The limiter's
// library puts a prefix of its own before our keys.
func (c *Cache) eachPage(ctx context.Context, client chatconnect.ClientID, do func(context.Context, redis.Cmdable, []string) error) error {
	if !chatconnect.ValidUUID(string(client)) {
		return chatconnect.ErrNotFound
	}
	walk := func(ctx context.Context, node redis.Cmdable) error {
		for _, pattern := range []string{string(client) + ":*", "rate:" + string(client) + ":*"} {
			if err := scan(ctx, node, pattern, do); err != nil {
				return err
			}
		}
		return nil
	}
	var err error
	if cluster, ok := c.redis.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return walk(ctx, node) })
	} else {
		err = walk(ctx, c.redis)
	}
	if err != nil {
		return unavailable(ctx, err)
	}
	return nil
}

func scan(ctx context.Context, node redis.Cmdable, pattern string, do func(context.Context, redis.Cmdable, []string) error) error {
	var cursor uint64
	for {
		call, cancel := context.WithTimeout(ctx, scanTimeout)
		keys, next, err := node.Scan(call, cursor, pattern, scanPage).Result()
		if err == nil && len(keys) > 0 {
			err = do(call, node, keys)
		}
		cancel()
		if err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
