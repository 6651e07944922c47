package activities

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities/answerstream"
	"github.com/chatconnect/chatconnect/internal/cache"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/relay"
	"github.com/chatconnect/chatconnect/temporal"
)

// named is a model that must not be asked.
type named struct{ chatconnect.Model }

func (named) Name(chatconnect.Tier) (provider, model string) { return "openai", "gpt-4o-mini" }

// patiently outlasts a busy machine: what Redis has, it gives, and what it is
// given it keeps.
const patiently = time.Minute

func chatOn(t *testing.T, server *redistest.Server) (*Chat, *temporal.GenerateInput) {
	t.Helper()
	client := server.Client(t)
	r := relay.New(relay.Options{Redis: client, Timeout: patiently})
	t.Cleanup(r.Close)
	in := &temporal.GenerateInput{ChatInput: temporal.ChatInput{
		ClientID: chatconnect.ClientID(uuid.NewString()), SessionID: "s", MessageID: "m", AskedAt: time.Now(),
	}}
	return &Chat{
		Relay: r, Stops: r, Cache: cache.New(cache.Options{Redis: client, Timeout: patiently}), Model: named{},
		Logger: slog.New(slog.DiscardHandler),
	}, in
}

// What a worker that died had written is never generated again.
func TestAFinishedTextIsTakenFromThoseBefore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		kept, told bool
		found      bool
		ttft       time.Duration
		relayed    string // event types of the whole record
	}{
		{"nothing was finished", false, false, false, 0, "token"},
		{"the text was finished, its end not told", true, false, true, 300 * time.Millisecond, "token restart token sources done"},
		{"its end was told", true, true, true, 300 * time.Millisecond, "token sources done"},
		{"Redis kept the relay only", false, true, true, 0, "token sources done"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			a, in := chatOn(t, redistest.Mini(t))
			result := &temporal.GenerateResult{
				Answer: chatconnect.Answer{
					MessageID: "m", SessionID: "s", Text: "It costs 5. [1]", Usage: chatconnect.Usage{OutputTokens: 5},
					Sources: []chatconnect.Source{{Index: 1, Name: "prices.pdf"}},
				},
				Status: chatconnect.ChatAnswered, Provider: "openai", Model: "gpt-4o-mini", Cost: 12, TimeToFirstToken: 300 * time.Millisecond,
			}
			first := answerstream.NewWriter(a.Relay, in.Ref(), 1)
			defer first.Close()
			require.NoError(t, first.Token(ctx, result.Answer.Text))
			require.NoError(t, first.Flush(ctx))
			if tt.kept {
				a.keep(ctx, in.Ref(), result)
			}
			if tt.told {
				require.NoError(t, a.finish(ctx, first, result))
			}

			none, err := a.finishedEarlier(ctx, in, 1)
			require.NoError(t, err)
			require.Nil(t, none, "the first attempt has none before it")
			got, err := a.finishedEarlier(ctx, in, 2)
			require.NoError(t, err)
			require.Equal(t, tt.found, got != nil)
			if got != nil {
				require.Equal(t, result.Answer, got.Answer)
				require.Equal(t, result.Status, got.Status)
				require.Equal(t, result.Model, got.Model)
				require.Equal(t, tt.ttft, got.TimeToFirstToken)
			}
			require.Equal(t, tt.relayed, record(t, a, in.Ref()))
		})
	}
}

// A writer that was given up, and doesn't know it yet, may keep its text after
// another has told its own. What was read is what counts.
func TestATextThatNobodyReadIsNotTaken(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, in := chatOn(t, redistest.Mini(t))
	result := func(text string) *temporal.GenerateResult {
		return &temporal.GenerateResult{Answer: chatconnect.Answer{MessageID: "m", SessionID: "s", Text: text, Sources: []chatconnect.Source{}}, Status: chatconnect.ChatAnswered}
	}
	second := answerstream.NewWriter(a.Relay, in.Ref(), 2)
	defer second.Close()
	require.NoError(t, second.Restart(ctx))
	require.NoError(t, second.Token(ctx, "It costs 5."))
	a.keep(ctx, in.Ref(), result("It costs 5."))
	require.NoError(t, a.finish(ctx, second, result("It costs 5.")))
	a.keep(ctx, in.Ref(), result("Five it is."))
	got, err := a.finishedEarlier(ctx, in, 3)
	require.NoError(t, err)
	require.Equal(t, "It costs 5.", got.Answer.Text)
}

func record(t *testing.T, a *Chat, ref chatconnect.MessageRef) string {
	t.Helper()
	events, err := a.Relay.Events(t.Context(), ref, 0)
	require.NoError(t, err)
	var types []string
	for _, e := range events {
		types = append(types, e.Type)
	}
	return strings.Join(types, " ")
}

func TestWithoutRedisAnAnswerIsNotKeptAndNotFound(t *testing.T) {
	t.Parallel()
	server := redistest.Mini(t)
	a, in := chatOn(t, server)
	server.Stop()
	a.keep(t.Context(), in.Ref(), &temporal.GenerateResult{})
	got, err := a.finishedEarlier(t.Context(), in, 2)
	require.NoError(t, err)
	require.Nil(t, got)
}

// A stop is told from everything else that ends an activity.
func TestOnlyAVisitorStops(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cause error
		want  bool
	}{
		{errStopped, true},
		{sdktemporal.NewCanceledError(), true},
		{errors.New("worker is now shutdown"), false},
		{context.DeadlineExceeded, false},
		{nil, false},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(tt.cause)
		require.Equal(t, tt.want, isStopped(ctx), "%v", tt.cause)
	}
}

// logs are the exchanges that were logged.
type logs struct {
	chatconnect.ChatStore
	kept []chatconnect.ChatLog
}

func (l *logs) LogChat(_ context.Context, log chatconnect.ChatLog) error {
	l.kept = append(l.kept, log)
	return nil
}

type noMetrics struct{ ChatMetrics }

func (noMetrics) ChatEnded(chatconnect.ChatLog) {}

func TestAnAnswerStoppedBetweenAttemptsEndsWithWhatWasRead(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	a, in := chatOn(t, redistest.Mini(t))
	store := &logs{}
	a.Chats, a.Metrics = store, noMetrics{}
	first := answerstream.NewWriter(a.Relay, in.Ref(), 1)
	defer first.Close()
	require.NoError(t, first.Token(ctx, "It costs"))
	require.NoError(t, first.Flush(ctx))

	input := &temporal.LogInput{ChatInput: in.ChatInput}
	input.Status, input.Answer = chatconnect.ChatStopped, chatconnect.Answer{MessageID: "m", SessionID: "s", Sources: []chatconnect.Source{}}
	for range 2 { // an activity may run again
		got, err := a.Log(ctx, input)
		require.NoError(t, err)
		require.Equal(t, "It costs", got.Answer.Text)
		require.True(t, got.Logged)
	}
	require.Equal(t, "token sources done", record(t, a, in.Ref()))
	events, err := a.Relay.Events(ctx, in.Ref(), 1)
	require.NoError(t, err)
	var done chatconnect.DoneData
	require.NoError(t, json.Unmarshal(events[1].Data, &done))
	require.Equal(t, chatconnect.DoneData{MessageID: "m", SessionID: "s", Status: chatconnect.ChatStopped, Sources: []chatconnect.Source{}}, done)
	require.Equal(t, "It costs", store.kept[0].Answer.Text)
	require.Equal(t, chatconnect.ChatStopped, store.kept[0].Status)
}

// A stop that comes when the end has been told, and its writer has died since,
// changes nothing of what the visitor has read, nor of what it took.
func TestAStopBehindTheEndChangesNothing(t *testing.T) {
	t.Parallel()
	for _, kept := range []bool{true, false} {
		ctx := t.Context()
		a, in := chatOn(t, redistest.Mini(t))
		store := &logs{}
		a.Chats, a.Metrics = store, noMetrics{}
		written := &temporal.GenerateResult{
			Answer: chatconnect.Answer{
				MessageID: "m", SessionID: "s", Text: "It costs 5. [1]", Usage: chatconnect.Usage{InputTokens: 90, OutputTokens: 5},
				Sources: []chatconnect.Source{{Index: 1, Name: "prices.pdf"}},
			},
			Status: chatconnect.ChatAnswered, Provider: "openai", Model: "gpt-4o-mini",
		}
		first := answerstream.NewWriter(a.Relay, in.Ref(), 1)
		defer first.Close()
		require.NoError(t, first.Token(ctx, written.Answer.Text))
		if kept {
			a.keep(ctx, in.Ref(), written)
		}
		require.NoError(t, a.finish(ctx, first, written))

		input := &temporal.LogInput{ChatInput: in.ChatInput}
		input.Status, input.Answer = chatconnect.ChatStopped, chatconnect.Answer{MessageID: "m", SessionID: "s", Sources: []chatconnect.Source{}}
		got, err := a.Log(ctx, input)
		require.NoError(t, err)
		require.Equal(t, written.Answer, got.Answer)
		require.Equal(t, chatconnect.ChatAnswered, got.Status)
		require.Equal(t, written.Answer.Usage, store.kept[0].Answer.Usage)
		require.Equal(t, "gpt-4o-mini", store.kept[0].Model)
		require.Equal(t, "token sources done", record(t, a, in.Ref()))
	}
}
