//go:build unix

package relay_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/relay"
)

// BenchmarkSilent measures what 5,000 subscribers cost that have heard nothing
// for some time, in this process: rechecks of the record, since a silent
// channel costs nothing. Run it with -benchtime=1x; it takes a minute.
func BenchmarkSilent(b *testing.B) {
	const subscribers, settle, window = 5000, 20 * time.Second, 10 * time.Second
	for name, rarest := range map[string]time.Duration{"every 2 s": 2 * time.Second, "ever more rarely": 0} {
		b.Run(name, func(b *testing.B) {
			client := redistest.Real(b).Client(b)
			seen := make(reads, 1<<20)
			client.AddHook(seen)
			r := newRelay(b, client, relay.Options{Rarest: rarest})
			subs := make([]interface{ Close() }, subscribers)
			for i := range subs {
				sub, err := r.Subscribe(b.Context(), newMessage(), 0)
				require.NoError(b, err)
				go func() { _, _ = sub.Next(b.Context()) }()
				subs[i] = sub
			}
			defer func() {
				for _, sub := range subs {
					sub.Close()
				}
			}()
			for b.Loop() {
				time.Sleep(settle)
				before, count := processorTime(b), len(seen)
				time.Sleep(window)
				b.ReportMetric(float64((processorTime(b)-before).Milliseconds())/window.Seconds(), "cpu-ms/s")
				b.ReportMetric(float64(len(seen)-count)/window.Seconds(), "reads/s")
			}
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
