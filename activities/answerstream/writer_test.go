package answerstream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities/answerstream"
)

// bubble runs f with a clock of its own: time passes only while everything
// waits, so that "at once" can be tested as exactly no time. A goroutine that
// a Writer leaves behind fails the test.
func bubble(t *testing.T, relay *memory, attempt int, f func(t *testing.T, w *answerstream.Writer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := answerstream.NewWriter(relay, message, attempt)
		defer w.Close()
		f(t, w)
	})
}

func TestFirstWordsLeaveAtOnce(t *testing.T) {
	t.Parallel()
	relay := &memory{}
	bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
		started := time.Now()
		require.NoError(t, w.Token(t.Context(), "Hello"))
		synctest.Wait()
		require.Equal(t, 1, relay.len())
		require.Zero(t, time.Since(started))

		// After a silence, the next do so too.
		time.Sleep(time.Second)
		require.NoError(t, w.Token(t.Context(), " again"))
		synctest.Wait()
		require.Equal(t, 2, relay.len())
		require.Equal(t, time.Second, time.Since(started))
	})
}

func TestWordsAreGathered(t *testing.T) {
	t.Parallel()
	relay := &memory{}
	bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
		started := time.Now()
		var want strings.Builder
		for i := range 100 {
			word := fmt.Sprintf(" w%d", i)
			want.WriteString(word)
			require.NoError(t, w.Token(t.Context(), word))
			time.Sleep(time.Millisecond)
		}
		require.NoError(t, w.Flush(t.Context()))
		require.Equal(t, want.String(), relay.text(t))
		require.Len(t, relay.arrived, 8)
		for i, at := range relay.arrived[:7] {
			require.Equal(t, time.Duration(i)*15*time.Millisecond, at.Sub(started))
		}
		require.Equal(t, 100*time.Millisecond, relay.arrived[7].Sub(started), "Flush does not gather")
	})
}

func TestEventsKeepTheirOrderAndDoNotWait(t *testing.T) {
	t.Parallel()
	relay := &memory{}
	bubble(t, relay, 2, func(t *testing.T, w *answerstream.Writer) {
		ctx, started := t.Context(), time.Now()
		require.NoError(t, w.Restart(ctx))
		require.NoError(t, w.Token(ctx, "a"))
		require.NoError(t, w.Token(ctx, "b <b> &"))
		require.NoError(t, w.Sources(ctx, []chatconnect.Source{{Index: 1, DocumentID: "d", Name: "n", Snippet: "s"}}))
		require.NoError(t, w.Token(ctx, "c"))
		require.NoError(t, w.Done(ctx, chatconnect.Answer{MessageID: "m", Text: "not repeated", Usage: chatconnect.Usage{OutputTokens: 3}, Cached: true}, chatconnect.ChatAnswered))
		require.Zero(t, time.Since(started))

		require.Equal(t, "restart token sources token done", relay.types())
		want := []string{
			`{"attempt":2}`,
			`{"text":"ab <b> &"}`,
			`[{"index":1,"documentId":"d","name":"n","score":0,"snippet":"s"}]`,
			`{"text":"c"}`,
			`{"messageId":"m","sessionId":"","status":"answered","usage":{"inputTokens":0,"outputTokens":3,"cachedTokens":0},"sources":[],"cached":true}`,
		}
		for i, e := range relay.record {
			require.Equal(t, want[i], string(e.Data))
			require.EqualValues(t, chatconnect.AttemptSpan+i+1, e.ID)
		}
		require.Error(t, w.Token(ctx, "late"), "nothing follows an end")
		require.Error(t, w.Done(ctx, chatconnect.Answer{}, chatconnect.ChatAnswered))
	})
}

func TestErrorNeverCarriesInternals(t *testing.T) {
	t.Parallel()
	relay := &memory{}
	bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
		require.NoError(t, w.Error(t.Context(), errors.New("password=hunter2")))
		require.Equal(t, "error", relay.types())
		require.JSONEq(t, `{"code":"internal","message":"Something went wrong on our side. Please try again."}`, string(relay.record[0].Data))
	})
}

// Providers cut their streams at bytes, readers get whole code points.
func TestCodePointsStayWhole(t *testing.T) {
	t.Parallel()
	relay := &memory{}
	text := "naïve 😀 日本 end\xe6" // the last never gets its other bytes
	bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
		for i := range len(text) {
			require.NoError(t, w.Token(t.Context(), text[i:i+1]))
			time.Sleep(20 * time.Millisecond)
		}
		require.NoError(t, w.Done(t.Context(), chatconnect.Answer{}, chatconnect.ChatAnswered))
		require.Equal(t, strings.ToValidUTF8(text, "\uFFFD"), relay.text(t))
	})
}

// The relay is away for a while: words are never held up, and all arrive.
func TestRelayAwayForAWhile(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fault{"refuses": refuses, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			relay := &memory{}
			var started time.Time
			relay.fault = func(int) fault {
				if d := time.Since(started); d > time.Second && d < 4*time.Second {
					return f
				}
				return works
			}
			bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
				started = time.Now()
				var want strings.Builder
				for i := range 300 {
					before := time.Now()
					word := fmt.Sprintf(" w%d", i)
					want.WriteString(word)
					require.NoError(t, w.Token(t.Context(), word))
					require.Zero(t, time.Since(before), "Token must not wait")
					time.Sleep(10 * time.Millisecond)
				}
				require.NoError(t, w.Done(t.Context(), chatconnect.Answer{}, chatconnect.ChatAnswered))
				require.Equal(t, want.String(), relay.text(t))
				require.Less(t, time.Since(started), 6*time.Second)
			})
		})
	}
}

func TestRelayAwayForGood(t *testing.T) {
	t.Parallel()
	relay := &memory{fault: func(int) fault { return refuses }}
	bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
		require.NoError(t, w.Token(t.Context(), "lost"))
		started := time.Now()
		err := w.Done(t.Context(), chatconnect.Answer{}, chatconnect.ChatAnswered)
		require.ErrorIs(t, err, answerstream.ErrUndelivered)
		require.ErrorIs(t, err, errDown, "with its cause")
		require.ErrorContains(t, err, "2 of 2 events")
		require.Equal(t, 5*time.Second, time.Since(started))
		require.Less(t, relay.calls, 30, "no hammering")

		// Whoever has more time can go on waiting.
		relay.mu.Lock()
		relay.fault = nil
		relay.mu.Unlock()
		require.NoError(t, w.Flush(t.Context()))
		require.Equal(t, "token done", relay.types())
	})
}

func TestCancelledActivityStillEndsItsAnswer(t *testing.T) {
	t.Parallel()
	relay := &memory{}
	bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, w.Token(ctx, "a"))
		cancel()
		require.NoError(t, w.Error(context.WithoutCancel(ctx), errDown))
		require.Equal(t, "token error", relay.types())
	})
}

func TestNewerAttemptFences(t *testing.T) {
	t.Parallel()
	relay := &memory{}
	bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
		ctx := t.Context()
		require.NoError(t, w.Token(ctx, "old"))
		require.NoError(t, w.Flush(ctx))
		newer := answerstream.NewWriter(relay, message, 2)
		defer newer.Close()
		require.NoError(t, newer.Restart(ctx))
		require.NoError(t, newer.Flush(ctx))

		require.NoError(t, w.Token(ctx, " and more"), "not known yet")
		require.ErrorIs(t, w.Flush(ctx), chatconnect.ErrRelayFenced)
		require.ErrorIs(t, w.Token(ctx, "x"), chatconnect.ErrRelayFenced)
		require.ErrorIs(t, w.Done(ctx, chatconnect.Answer{}, chatconnect.ChatAnswered), chatconnect.ErrRelayFenced)

		require.NoError(t, newer.Token(ctx, "new"))
		require.NoError(t, newer.Done(ctx, chatconnect.Answer{}, chatconnect.ChatAnswered))
		require.Equal(t, "new", relay.text(t))
	})
}

// The same attempt twice (a bug elsewhere, or two clusters on one Redis) must
// not interleave: the record decides for one of them.
func TestSameAttemptTwiceFences(t *testing.T) {
	t.Parallel()
	relay := &memory{}
	bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
		ctx := t.Context()
		twin := answerstream.NewWriter(relay, message, 1)
		defer twin.Close()
		require.NoError(t, w.Token(ctx, "one"))
		require.NoError(t, w.Flush(ctx))
		require.NoError(t, twin.Token(ctx, "other"))
		require.ErrorIs(t, twin.Flush(ctx), chatconnect.ErrRelayFenced)
		require.NoError(t, w.Done(ctx, chatconnect.Answer{}, chatconnect.ChatAnswered))
		require.Equal(t, "one", relay.text(t))
	})
}

// Whatever the relay does in between, in the end the record holds the answer
// exactly once and from its beginning.
func TestAnyFaultsLeaveTheWholeAnswer(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random, pauses := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 2))
			relay := &memory{}
			relay.fault = func(call int) fault {
				if call > 60 { // an end must come
					return works
				}
				return []fault{works, works, works, refuses, hangs, loses, forgets, forgets1}[random.IntN(8)]
			}
			bubble(t, relay, 1, func(t *testing.T, w *answerstream.Writer) {
				var want strings.Builder
				for i := range 200 {
					word := fmt.Sprintf(" w%d", i)
					want.WriteString(word)
					require.NoError(t, w.Token(t.Context(), word))
					time.Sleep(time.Duration(pauses.IntN(30)) * time.Millisecond)
				}
				err := w.Done(t.Context(), chatconnect.Answer{}, chatconnect.ChatAnswered)
				for errors.Is(err, answerstream.ErrUndelivered) {
					err = w.Flush(t.Context())
				}
				require.NoError(t, err)
				// The very last call may have been a success that was forgotten
				// afterwards; nobody can know. It is not among these faults.
				require.Equal(t, want.String(), relay.text(t))
				require.EqualValues(t, 1, relay.record[0].ID)
				require.True(t, relay.record[relay.len()-1].Terminal())
			})
		})
	}
}

func TestAnswerTooLongCanOnlyBeEnded(t *testing.T) {
	t.Parallel()
	relay := &memory{}
	synctest.Test(t, func(t *testing.T) {
		w := answerstream.NewWriterOptions(relay, message, 1, answerstream.Options{MaxBytes: 100_000})
		defer w.Close()
		word := strings.Repeat("x", 1000)
		var err error
		n := 0
		for ; err == nil && n < 1000; n++ {
			err = w.Token(t.Context(), word)
		}
		require.Equal(t, chatconnect.KindTooLarge, chatconnect.AsError(err).Kind)
		require.Equal(t, 102, n)
		require.NoError(t, w.Error(t.Context(), err))
		require.Len(t, relay.text(t), 101_000)
		require.True(t, relay.record[relay.len()-1].Terminal())
	})
}

func TestFullRelayCanOnlyBeEnded(t *testing.T) {
	t.Parallel()
	full := chatconnect.Errorf(chatconnect.KindTooLarge, "relay_full", "full")
	relay := &fullRelay{memory: &memory{}, err: full}
	synctest.Test(t, func(t *testing.T) {
		w := answerstream.NewWriter(relay, message, 1)
		defer w.Close()
		require.NoError(t, w.Token(t.Context(), "a"))
		synctest.Wait()
		require.ErrorIs(t, w.Token(t.Context(), "b"), full)
		require.NoError(t, w.Error(t.Context(), full))
		require.Equal(t, "token error", relay.types())
	})
}

// fullRelay takes only batches that end the answer.
type fullRelay struct {
	*memory
	err error
}

func (r *fullRelay) Publish(ctx context.Context, m chatconnect.MessageRef, events ...chatconnect.RelayEvent) error {
	if !events[len(events)-1].Terminal() {
		return r.err
	}
	return r.memory.Publish(ctx, m, events...)
}

func TestClosedWriterSaysSo(t *testing.T) {
	t.Parallel()
	relay := &memory{fault: func(int) fault { return hangs }}
	synctest.Test(t, func(t *testing.T) {
		w := answerstream.NewWriter(relay, message, 1)
		require.NoError(t, w.Token(t.Context(), "a"))
		synctest.Wait()
		w.Close()
		w.Close()
		require.Error(t, w.Token(t.Context(), "b"))
		require.Error(t, w.Flush(t.Context()))
	})
}
