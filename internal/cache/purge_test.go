package cache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redistest"
)

func TestDeleteClientTakesItsKeysAndNoOthers(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx, client := within(t), s.Client(t)
		c := newCache(client)
		const mine, other = chatconnect.ClientID("11111111-1111-4111-8111-111111111111"), chatconnect.ClientID("22222222-2222-4222-8222-222222222222")
		for _, owner := range []chatconnect.ClientID{mine, other} {
			for i := range 1500 { // more than a page
				require.NoError(t, c.Set(ctx, fmt.Sprintf("%s:query:%d", owner, i), []byte("x"), time.Hour))
			}
			require.NoError(t, client.XAdd(ctx, &redis.XAddArgs{Stream: string(owner) + ":relay:s:m", Values: []string{"t", "token"}}).Err())
			require.NoError(t, c.Set(ctx, "rate:"+string(owner)+":chat:key:k", []byte("x"), time.Hour))
		}
		require.NoError(t, c.Set(ctx, "embedding:"+string(mine), []byte("x"), time.Hour))
		for owner, want := range map[chatconnect.ClientID]int{mine: 1502, other: 1502, "33333333-3333-4333-8333-333333333333": 0} {
			count, err := c.CountClient(ctx, owner)
			require.NoError(t, err)
			require.Equal(t, want, count)
		}
		for range 2 {
			require.NoError(t, c.DeleteClient(ctx, mine))
		}
		count, err := c.CountClient(ctx, mine)
		require.NoError(t, err)
		require.Zero(t, count)
		count, err = c.CountClient(ctx, other)
		require.NoError(t, err)
		require.Equal(t, 1502, count)
		_, found, err := c.Get(ctx, "embedding:"+string(mine))
		require.NoError(t, err)
		require.True(t, found, "only what starts with the client is its own")
		for _, pattern := range []chatconnect.ClientID{"", "*"} {
			require.Error(t, c.DeleteClient(ctx, pattern))
		}
	})
}
