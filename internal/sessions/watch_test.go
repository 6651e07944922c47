package sessions_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/redisconn"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/sessions"
)

// TestDeletedSessionIsTold, to every process that watches it, and to nobody
// who watches another.
func TestDeletedSessionIsTold(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := within(t)
		process := func() *sessions.Store {
			hub := redisconn.NewHub(redisconn.HubOptions{Redis: client})
			t.Cleanup(hub.Close)
			return newStore(t, client, sessions.Options{Hub: hub})
		}
		here, there := process(), process()
		token, err := here.Create(ctx, "user", time.Hour)
		require.NoError(t, err)
		other, err := here.Create(ctx, "user", time.Hour)
		require.NoError(t, err)
		ended, err := there.Watch(ctx, token)
		require.NoError(t, err)
		goesOn, err := there.Watch(ctx, other)
		require.NoError(t, err)

		require.NoError(t, here.Delete(ctx, token))
		select {
		case <-ended:
		case <-ctx.Done():
			t.Fatal("nobody told")
		}
		_, err = there.User(ctx, token)
		require.Error(t, err, "when it is told it has ended")
		require.Empty(t, goesOn)
		_, err = there.Watch(ctx, "nonsense")
		require.Error(t, err)
	})
}
