package redistest_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/redistest"
)

func TestServersAreSeparateAndStartEmpty(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx := context.Background()
		client := s.Client(t)
		require.NoError(t, client.Set(ctx, "k", "v", 0).Err())
		s.Stop()
		require.Error(t, client.Get(ctx, "k").Err())
		s.Start(t)
		require.ErrorIs(t, client.Get(ctx, "k").Err(), redis.Nil)
	})
}

func TestProxyCutsPausesAndRefuses(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx := context.Background()
		proxy := s.Proxy(t)
		client := proxy.Client(t)
		require.NoError(t, client.Set(ctx, "k", "v", 0).Err())

		proxy.Cut()
		require.NoError(t, client.Get(ctx, "k").Err(), "a new connection is made")

		proxy.Down()
		require.Error(t, client.Get(ctx, "k").Err())
		proxy.Up()
		require.NoError(t, client.Get(ctx, "k").Err())

		proxy.Pause()
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, client.Get(short, "k").Err(), context.DeadlineExceeded)
		proxy.Resume()
		require.NoError(t, client.Get(ctx, "k").Err())
	})
}
