package cache_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/cache"
	"github.com/chatconnect/chatconnect/internal/redistest"
)

// A question whose search came from the query cache waits for its vector no
// more. That says nothing about this cache.
func TestALookUpThatIsGivenUpIsNoMiss(t *testing.T) {
	t.Parallel()
	misses := 0
	e := cache.NewEmbedder(&counting{model: "m", dimensions: 3}, cache.New(cache.Options{Redis: redistest.Mini(t).Client(t)}), cache.EmbedderOptions{
		OnMiss: func(n int) { misses += n },
	})
	_, err := e.Embed(within(t), "c", []string{"a"})
	require.NoError(t, err)
	gone, cancel := context.WithCancel(within(t))
	cancel()
	_, err = e.Embed(gone, "c", []string{"a"})
	require.NoError(t, err)
	require.Equal(t, 1, misses)
}
