package llm

import (
	"context"
	"net/http/httptrace"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

// TestCancelLeavesNothingBehind does not run in parallel: it looks at all
// goroutines of the process.
func TestCancelLeavesNothingBehind(t *testing.T) { //nolint:paralleltest // see above
	for _, provider := range providers {
		for _, stage := range []string{"before the first token", "in the stream", "token function", "stream error"} {
			t.Run(provider+" "+stage, func(t *testing.T) {
				f := newFake(t, fakemodel.Knobs{Tokens: 10_000, Gap: fakemodel.Duration(time.Millisecond)})
				switch stage {
				case "before the first token":
					require.NoError(t, f.Set(fakemodel.Knobs{TTFT: fakemodel.Duration(time.Hour)}))
				case "stream error":
					require.NoError(t, f.Set(fakemodel.Knobs{Tokens: 100, Faults: []fakemodel.Fault{{Kind: fakemodel.FaultStreamError, AfterTokens: 5}}}))
				}
				ctx, cancel := context.WithCancel(timeout(t))
				defer cancel()
				m := f.model(t, provider, Timeouts{})
				var cancelled time.Time
				if stage == "before the first token" {
					go func() {
						if _, err := f.WaitRequests(ctx, 1); err == nil {
							cancelled = time.Now()
							cancel()
						}
					}()
				}
				seen := 0
				written := ""
				got, err := m.Generate(ctx, shoes, func(_ context.Context, text string) error {
					if seen++; seen == 3 && stage == "in the stream" {
						cancelled = time.Now()
						cancel()
					}
					if seen == 3 && stage == "token function" {
						return context.Canceled
					}
					written += text
					return nil
				})
				if stage == "stream error" {
					require.Error(t, err)
				} else {
					require.ErrorIs(t, err, context.Canceled)
					require.Equal(t, written, got.Text, "what was written is paid for, and known")
					require.Positive(t, got.Usage.InputTokens)
				}
				if !cancelled.IsZero() {
					require.Less(t, time.Since(cancelled), 20*time.Second, "promptly, and not when a timeout ends it")
					require.LessOrEqual(t, seen, 3, "no token after the end")
				}
				require.Eventually(t, func() bool {
					return !strings.Contains(stacks(), "langchaingo") && !strings.Contains(stacks(), "idleBody")
				},
					time.Minute, 5*time.Millisecond, "goroutines are left")
			})
		}
	}
}

func TestADeadlineIsTheCallersError(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		f := newFake(t, fakemodel.Knobs{Faults: []fakemodel.Fault{{Kind: fakemodel.FaultHang, AfterTokens: 2}}})
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		_, err := f.model(t, provider, Timeouts{}).Generate(ctx, shoes, collect(new([]string)))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, provider string) {
		f := newFake(t, fakemodel.Knobs{})
		m := f.model(t, provider, Timeouts{})
		// The end of a stream is read in the background, so that the very next
		// call may still need a connection of its own; one soon does not.
		require.Eventually(t, func() bool {
			reused := false
			ctx := httptrace.WithClientTrace(timeout(t), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }})
			_, err := m.Generate(ctx, shoes, collect(new([]string)))
			require.NoError(t, err)
			return reused
		}, time.Minute, time.Millisecond, "no connection is used again")
	})
}

func stacks() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}
