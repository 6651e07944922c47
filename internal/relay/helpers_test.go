package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/relay"
)

// patience bounds every wait of these tests; none of them comes near it.
const patience = time.Minute

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newRelay(t testing.TB, client redis.UniversalClient, options relay.Options) *relay.Relay {
	t.Helper()
	options.Redis = client
	// Redis is there, and answers when the machine lets it.
	if options.Timeout == 0 {
		options.Timeout = patience
	}
	if options.Confirm == 0 {
		options.Confirm = patience
	}
	r := relay.New(options)
	t.Cleanup(r.Close)
	return r
}

func newMessage() chatconnect.MessageRef {
	return chatconnect.MessageRef{
		ClientID:  chatconnect.ClientID(uuid.NewString()),
		SessionID: "session",
		MessageID: chatconnect.MessageID(uuid.NewString()),
	}
}

// tokens returns the token events from..to of the first attempt.
func tokens(from, to int64) []chatconnect.RelayEvent {
	var events []chatconnect.RelayEvent
	for id := from; id <= to; id++ {
		data, _ := json.Marshal(map[string]int64{"text": id})
		events = append(events, chatconnect.RelayEvent{ID: id, Type: chatconnect.EventToken, Data: data})
	}
	return events
}

func done(id int64) chatconnect.RelayEvent {
	return chatconnect.RelayEvent{ID: id, Type: chatconnect.EventDone, Data: []byte("{}")}
}

// answer returns n events that end well.
func answer(n int64) []chatconnect.RelayEvent { return append(tokens(1, n-1), done(n)) }

func subscribe(t testing.TB, r *relay.Relay, m chatconnect.MessageRef, after int64) chatconnect.Subscription {
	t.Helper()
	s, err := r.Subscribe(within(t), m, after)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// drain reads to the end of the answer.
func drain(ctx context.Context, s chatconnect.Subscription) ([]chatconnect.RelayEvent, error) {
	var events []chatconnect.RelayEvent
	for {
		e, err := s.Next(ctx)
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return chatconnect.AsError(err).Code
}
