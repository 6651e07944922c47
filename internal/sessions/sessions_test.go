package sessions_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/sessions"
)

var secret = bytes.Repeat([]byte("s"), sessions.MinSecretBytes)

// patience is with a busy machine, of which no test here tells anything.
const patience = time.Minute

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newStore(t testing.TB, client redis.UniversalClient, options sessions.Options) *sessions.Store {
	t.Helper()
	options.Redis = client
	if options.Secret == nil {
		options.Secret = secret
	}
	if options.Timeout == 0 {
		options.Timeout = patience
	}
	s, err := sessions.New(options)
	require.NoError(t, err)
	return s
}

func TestSessionLivesUntilDeleted(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, s := within(t), newStore(t, client, sessions.Options{})
		token, err := s.Create(ctx, "user", time.Hour)
		require.NoError(t, err)
		other, err := s.Create(ctx, "user", time.Hour)
		require.NoError(t, err)
		require.NotEqual(t, token, other)
		random, err := base64.RawURLEncoding.DecodeString(token)
		require.NoError(t, err)
		require.Len(t, random, 32)

		user, err := s.User(ctx, token)
		require.NoError(t, err)
		require.EqualValues(t, "user", user)

		require.NoError(t, s.Delete(ctx, token))
		require.NoError(t, s.Delete(ctx, token), "again is no error")
		_, err = s.User(ctx, token)
		require.ErrorIs(t, err, chatconnect.ErrUnauthenticated)
		_, err = s.User(ctx, other)
		require.NoError(t, err)
	})
}

func TestRedisHoldsNoTokens(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, s := within(t), newStore(t, client, sessions.Options{})
		token, err := s.Create(ctx, "user", time.Hour)
		require.NoError(t, err)
		keys := client.Keys(ctx, "*").Val()
		require.Len(t, keys, 1)
		require.NotContains(t, keys[0]+client.Get(ctx, keys[0]).Val(), token)

		// What is found in Redis does not log in, nor does the token without
		// the secret.
		_, err = s.User(ctx, strings.TrimPrefix(keys[0], "login:"))
		require.ErrorIs(t, err, chatconnect.ErrUnauthenticated)
		_, err = newStore(t, client, sessions.Options{Secret: bytes.Repeat([]byte("x"), 32)}).User(ctx, token)
		require.ErrorIs(t, err, chatconnect.ErrUnauthenticated)
	})
}

func TestUnknownTokens(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, s := within(t), newStore(t, client, sessions.Options{})
		for _, token := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 42) + "=", strings.Repeat("*", 43), strings.Repeat("A", 1<<20)} {
			_, err := s.User(ctx, token)
			require.ErrorIs(t, err, chatconnect.ErrUnauthenticated)
			require.NoError(t, s.Delete(ctx, token))
		}
	})
}

func TestSessionExpires(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, server *redistest.Server) {
		ctx, s := within(t), newStore(t, server.Client(t), sessions.Options{})
		token, err := s.Create(ctx, "user", 10*time.Millisecond)
		require.NoError(t, err)
		lasting, err := s.Create(ctx, "user", time.Hour)
		require.NoError(t, err)
		server.Expire(20 * time.Millisecond)
		_, err = s.User(ctx, token)
		require.ErrorIs(t, err, chatconnect.ErrUnauthenticated)
		_, err = s.User(ctx, lasting)
		require.NoError(t, err)

		for _, bad := range []time.Duration{0, -1, time.Microsecond} {
			_, err := s.Create(ctx, "user", bad)
			require.Error(t, err, "never for ever")
		}
	})
}

func TestSlidingRenewsUpToAnAge(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := within(t)
		cases := []struct {
			name    string
			options sessions.Options
			left    time.Duration // before the session is used
			want    time.Duration // afterwards
		}{
			{"fixed", sessions.Options{}, 10 * time.Minute, 10 * time.Minute},
			{"sliding, first half", sessions.Options{Sliding: true}, 40 * time.Minute, 40 * time.Minute},
			{"sliding, second half", sessions.Options{Sliding: true}, 10 * time.Minute, time.Hour},
			{"sliding, nearly too old", sessions.Options{Sliding: true, MaxAge: 30 * time.Minute}, 10 * time.Minute, 30 * time.Minute},
			{"sliding, too old", sessions.Options{Sliding: true, MaxAge: time.Minute}, 10 * time.Minute, 10 * time.Minute},
		}
		for _, c := range cases {
			s := newStore(t, client, c.options)
			token, err := s.Create(ctx, "user", time.Hour)
			require.NoError(t, err)
			key := client.Keys(ctx, "*").Val()[0]
			require.NoError(t, client.PExpire(ctx, key, c.left).Err())
			_, err = s.User(ctx, token)
			require.NoError(t, err)
			require.InDelta(t, c.want, client.PTTL(ctx, key).Val(), float64(2*patience), c.name)
			require.NoError(t, s.Delete(ctx, token))
		}
	})
}

func TestUnavailableRedisIsNotALogout(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, server *redistest.Server) {
		ctx, proxy := within(t), server.Proxy(t)
		s := newStore(t, proxy.Client(t), sessions.Options{Timeout: 100 * time.Millisecond})
		token, err := newStore(t, server.Client(t), sessions.Options{}).Create(ctx, "user", time.Hour)
		require.NoError(t, err)
		for _, fault := range []func(){proxy.Down, func() { proxy.Up(); proxy.Pause() }} {
			fault()
			_, err = s.User(ctx, token)
			require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
			_, err = s.Create(ctx, "user", time.Hour)
			require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
			err = s.Delete(ctx, token)
			require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
		}
	})
}

func TestShortSecretIsRefused(t *testing.T) {
	t.Parallel()
	_, err := sessions.New(sessions.Options{Secret: []byte("short")})
	require.Error(t, err)
}
