package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redistest"
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
