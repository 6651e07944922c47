package relay_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/relay"
)

// BenchmarkPublishToNext measures from the call of Publish to the return of
// Next, one event at a time, with 1,000 other subscriptions in the process.
func BenchmarkPublishToNext(b *testing.B) {
	servers := map[string]func(testing.TB) *redistest.Server{"miniredis": redistest.Mini, "redis": redistest.Real}
	for name, start := range servers {
		b.Run(name, func(b *testing.B) {
			s := start(b)
			r, m := newRelay(b, s.Client(b), relay.Options{MaxEvents: 1 << 30}), newMessage()
			ctx := b.Context()
			for range 1000 {
				subscribe(b, r, newMessage(), 0)
			}
			sub := subscribe(b, r, m, 0)
			lags := make([]time.Duration, 0, b.N)
			id := int64(0)
			for b.Loop() {
				id++
				started := time.Now()
				require.NoError(b, r.Publish(ctx, m, chatconnect.RelayEvent{ID: id, Type: chatconnect.EventToken, Data: []byte(`{"text":"word "}`)}))
				_, err := sub.Next(ctx)
				require.NoError(b, err)
				lags = append(lags, time.Since(started))
			}
			slices.Sort(lags)
			b.ReportMetric(float64(lags[len(lags)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(lags[len(lags)*99/100].Microseconds()), "p99-µs")
		})
	}
}
