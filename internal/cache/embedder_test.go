package cache_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/cache"
	"github.com/chatconnect/chatconnect/internal/redistest"
)

// counting is an embedder whose vectors tell their text and model apart, and
// which remembers what it was asked.
type counting struct {
	model      string
	dimensions int
	asked      []string
	err        error
	short      bool
}

func (c *counting) Model() string   { return c.model }
func (c *counting) Dimensions() int { return c.dimensions }

func (c *counting) vector(text string) []float32 {
	v := make([]float32, c.dimensions)
	for i := range v {
		v[i] = float32(len(c.model)) + 1/float32(len(text)+i+3)
	}
	return v
}

func (c *counting) Embed(_ context.Context, _ chatconnect.ClientID, texts []string) (chatconnect.Embedding, error) {
	c.asked = append(c.asked, texts...)
	if c.err != nil {
		return chatconnect.Embedding{}, c.err
	}
	var e chatconnect.Embedding
	for _, text := range texts {
		e.Vectors = append(e.Vectors, c.vector(text))
		e.Tokens += len(text)
	}
	e.Paid, e.Cost = e.Tokens, chatconnect.MicroUSD(e.Tokens)
	if c.short {
		e.Vectors = e.Vectors[1:]
	}
	return e, nil
}

func (c *counting) take() []string {
	asked := c.asked
	c.asked = nil
	return asked
}

// plain hides the batch methods of a cache.
type plain struct{ chatconnect.Cache }

func TestEmbedderAsksOnlyForWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(*cache.Cache) chatconnect.Cache{
		"in batches": func(c *cache.Cache) chatconnect.Cache { return c },
		"one by one": func(c *cache.Cache) chatconnect.Cache { return plain{c} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
				ctx, next := within(t), &counting{model: "m", dimensions: 5}
				hits, misses := 0, 0
				e := cache.NewEmbedder(next, wrap(newCache(s.Client(t))), cache.EmbedderOptions{
					OnHit: func(n int) { hits += n }, OnMiss: func(n int) { misses += n },
				})
				require.Equal(t, "m", e.Model())
				require.Equal(t, 5, e.Dimensions())

				check := func(want []string, tokens int, texts ...string) {
					t.Helper()
					got, err := e.Embed(ctx, "c", texts)
					require.NoError(t, err)
					require.Len(t, got.Vectors, len(texts))
					for i, text := range texts {
						require.Equal(t, next.vector(text), got.Vectors[i], "in order, to the last bit")
					}
					require.Equal(t, tokens, got.Tokens)
					require.Equal(t, want, next.take())
				}
				check([]string{"a", "bb"}, 3, "a", "bb", "a")
				check([]string{"ccc", ""}, 6, "bb", "ccc", "a", "")
				check(nil, 6, "", "a", "ccc", "bb", "a") // as if none were cached
				check(nil, 0)
				require.Equal(t, 7, hits)
				require.Equal(t, 5, misses)

				for _, key := range s.Client(t).Keys(ctx, "*").Val() {
					ttl := s.Client(t).PTTL(ctx, key).Val()
					require.InDelta(t, time.Hour, ttl, float64(time.Minute))
					require.True(t, strings.HasPrefix(key, "c:embedding:m:5:"), key)
				}
			})
		})
	}
}

// TestNobodySeesWhatAnotherEmbedded: neither which texts the provider is asked
// for nor the tokens told depend on another client's texts.
func TestNobodySeesWhatAnotherEmbedded(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		const spied, spy chatconnect.ClientID = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
		ctx, c, next := within(t), newCache(client), &counting{model: "m", dimensions: 3}
		e := cache.NewEmbedder(next, c, cache.EmbedderOptions{})
		secret := []string{"the secret", "plan"}
		for i, who := range []chatconnect.ClientID{spied, spy, ""} {
			got, err := e.Embed(ctx, who, secret)
			require.NoError(t, err)
			require.Equal(t, secret, next.take(), "asked as if nobody had, %d", i)
			require.Equal(t, 14, got.Tokens)
			require.Equal(t, 14, got.Paid)
		}
		again, err := e.Embed(ctx, spied, []string{"plan", "the secret", "new"})
		require.NoError(t, err)
		require.Equal(t, []string{"new"}, next.take())
		require.Equal(t, 17, again.Tokens, "as if none were cached")
		require.Equal(t, 3, again.Paid)
		require.EqualValues(t, 3, again.Cost)

		require.NoError(t, c.DeleteClient(ctx, spied))
		_, err = e.Embed(ctx, spied, secret)
		require.NoError(t, err)
		require.Equal(t, secret, next.take(), "a deleted client leaves no vectors")
	})
}

func TestEmbedderKeepsModelsApart(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, c := within(t), newCache(client)
		for _, next := range []*counting{{model: "m", dimensions: 3}, {model: "m", dimensions: 4}, {model: "mm", dimensions: 3}} {
			got, err := cache.NewEmbedder(next, c, cache.EmbedderOptions{}).Embed(ctx, "c", []string{"text"})
			require.NoError(t, err)
			require.Equal(t, next.vector("text"), got.Vectors[0])
			require.Len(t, next.take(), 1)
		}
	})
}

func TestEmbedderDistrustsDamagedEntries(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, next := within(t), &counting{model: "m", dimensions: 2}
		e := cache.NewEmbedder(next, newCache(client), cache.EmbedderOptions{})
		for i, damaged := range []string{"", "1234", "123456789", "\x00\x00\xc0\x7f\x00\x00\x00\x00", "\x00\x00\x80\x7f\x00\x00\x00\x00"} {
			text := fmt.Sprint("text", i)
			_, err := e.Embed(ctx, "c", []string{text})
			require.NoError(t, err)
			keys := client.Keys(ctx, "*").Val()
			require.Len(t, keys, 1)
			require.NoError(t, client.Set(ctx, keys[0], damaged, 0).Err())
			next.take()

			got, err := e.Embed(ctx, "c", []string{text})
			require.NoError(t, err)
			require.Equal(t, next.vector(text), got.Vectors[0])
			require.Len(t, next.take(), 1, "asked again")
			require.NoError(t, client.Del(ctx, keys[0]).Err())
		}
	})
}

func TestEmbedderWorksWithoutRedis(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx, next := within(t), &counting{model: "m", dimensions: 3}
		misses := 0
		e := cache.NewEmbedder(next, newCache(s.Client(t)), cache.EmbedderOptions{OnMiss: func(n int) { misses += n }})
		s.Stop()
		for range 2 {
			got, err := e.Embed(ctx, "c", []string{"a", "b"})
			require.NoError(t, err)
			require.Equal(t, [][]float32{next.vector("a"), next.vector("b")}, got.Vectors)
		}
		require.Equal(t, 4, misses)
	})
}

// A vector that came too late for its question serves the next one.
func TestEmbedderKeepsWhatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	next := &counting{model: "m", dimensions: 3}
	e := cache.NewEmbedder(next, newCache(redistest.Mini(t).Client(t)), cache.EmbedderOptions{})
	gone, cancel := context.WithCancel(within(t))
	cancel()
	_, err := e.Embed(gone, "c", []string{"a"})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, next.take())
	_, err = e.Embed(within(t), "c", []string{"a"})
	require.NoError(t, err)
	require.Empty(t, next.take())
}

func TestEmbedderPassesErrorsOn(t *testing.T) {
	t.Parallel()
	ctx, c := within(t), newCache(redistest.Mini(t).Client(t))
	limited := chatconnect.Errorf(chatconnect.KindRateLimited, "provider_rate_limited", "slow down")
	_, err := cache.NewEmbedder(&counting{model: "m", dimensions: 1, err: limited}, c, cache.EmbedderOptions{}).Embed(ctx, "c", []string{"a"})
	require.ErrorIs(t, err, limited)

	_, err = cache.NewEmbedder(&counting{model: "m", dimensions: 1, short: true}, c, cache.EmbedderOptions{}).Embed(ctx, "c", []string{"a", "b"})
	require.ErrorContains(t, err, "1 vectors for 2 texts")
}
