package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/temporal"
)

// writes is a model that does something just before it returns.
type writes struct {
	named
	last func() error
}

func (m writes) Generate(ctx context.Context, _ chatconnect.Prompt, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	err := onToken(ctx, "It costs 5.")
	if err == nil {
		err = m.last()
	}
	return chatconnect.Completion{Text: "It costs 5.", Usage: chatconnect.Usage{OutputTokens: 5}}, err
}

// Whatever ends the context when the text is there, by a stop that comes too
// late or in time, the answer has one end, which is told and kept.
func TestAStopThatRacesWithTheEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		inTime bool
		want   chatconnect.ChatStatus
	}{
		"in time":  {true, chatconnect.ChatStopped},
		"too late": {false, chatconnect.ChatAnswered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, in := chatOn(t, redistest.Mini(t))
			ctx, cancel := context.WithCancelCause(t.Context())
			a.Model = writes{last: func() error {
				require.NoError(t, a.Stops.Stop(t.Context(), in.Ref()))
				cancel(sdktemporal.NewCanceledError()) // the workflow's, by a heartbeat
				if tt.inTime {
					return context.Canceled
				}
				return nil
			}}
			result, err := a.write(ctx, in, 1)
			require.NoError(t, err)
			require.Equal(t, tt.want, result.Status)
			require.Equal(t, "It costs 5.", result.Answer.Text)
			require.Equal(t, "token sources done", record(t, a, in.Ref()))
			again, err := a.finishedEarlier(t.Context(), in, 2)
			require.NoError(t, err)
			require.Equal(t, tt.want, again.Status)
		})
	}
}

// spending counts what was spent for nothing.
type spending struct {
	chatconnect.ChatStore
	ChatMetrics
	tokens int
}

func (*spending) Spent(chatconnect.Completion) {}

func (s *spending) AddUsage(_ context.Context, _ chatconnect.ClientID, _ time.Time, spent chatconnect.Completion) error {
	s.tokens += spent.Usage.OutputTokens
	return nil
}

// A model that breaks off in mid-answer is paid for all the same.
func TestAFailedAttemptCounts(t *testing.T) {
	t.Parallel()
	a, in := chatOn(t, redistest.Mini(t))
	counted := &spending{}
	a.Chats, a.Metrics = counted, counted
	away := chatconnect.Errorf(chatconnect.KindUnavailable, "model_unavailable", "The model is away.")
	a.Model = writes{last: func() error { return away }}
	_, err := a.write(t.Context(), in, 1)
	require.ErrorIs(t, err, away)
	require.Equal(t, 5, counted.tokens)
}

// What rewriting the question took is part of the exchange, and is booked under
// the model that did it, whoever ends the answer.
func TestRewritingIsPaidForUnderItsModel(t *testing.T) {
	t.Parallel()
	rewritten := chatconnect.Rewritten{Text: "What does the Trail X cost?", Model: "small", Usage: chatconnect.Usage{InputTokens: 90, OutputTokens: 10}, Cost: 7}
	want := rewritten.Spent()
	for name, end := range map[string]func(t *testing.T, a *Chat, in *temporal.GenerateInput) *temporal.GenerateResult{
		"at once": func(t *testing.T, a *Chat, in *temporal.GenerateInput) *temporal.GenerateResult {
			result, err := a.write(t.Context(), in, 1)
			require.NoError(t, err)
			return result
		},
		"by another worker, from what was kept": func(t *testing.T, a *Chat, in *temporal.GenerateInput) *temporal.GenerateResult {
			_, err := a.write(t.Context(), in, 1)
			require.NoError(t, err)
			result, err := a.finishedEarlier(t.Context(), in, 2)
			require.NoError(t, err)
			return result
		},
		"by another worker, from what was told": func(t *testing.T, a *Chat, in *temporal.GenerateInput) *temporal.GenerateResult {
			_, err := a.write(t.Context(), in, 1)
			require.NoError(t, err)
			a.Cache = nowhere{}
			result, err := a.finishedEarlier(t.Context(), in, 2)
			require.NoError(t, err)
			return result
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, in := chatOn(t, redistest.Mini(t))
			store := &logs{}
			a.Chats, a.Metrics = store, noMetrics{}
			a.Model, in.Rewritten = writes{last: func() error { return nil }}, rewritten
			result := end(t, a, in)
			require.True(t, a.logAtOnce(t.Context(), in, result))
			require.Len(t, store.kept, 1)
			log := store.kept[0]
			require.Equal(t, want, log.Rewriting)
			require.Equal(t, chatconnect.Usage{InputTokens: 90, OutputTokens: 15}, log.Answer.Usage, "the exchange took both")
			require.EqualValues(t, 7, log.Cost)
			require.Contains(t, log.Spent(), want)
		})
	}
}

// nowhere is a cache that has lost everything.
type nowhere struct{ chatconnect.Cache }

func (nowhere) Get(context.Context, string) ([]byte, bool, error) { return nil, false, nil }
