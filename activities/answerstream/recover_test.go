package answerstream_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities/answerstream"
)

func TestRecover(t *testing.T) {
	t.Parallel()
	event := func(id int64, kind, data string) chatconnect.RelayEvent {
		return chatconnect.RelayEvent{ID: id, Type: kind, Data: []byte(data)}
	}
	const second = chatconnect.AttemptSpan
	done := `{"messageId":"m","sessionId":"s","status":"stopped","usage":{"inputTokens":1,"outputTokens":2,"cachedTokens":0},"sources":[{"index":1,"documentId":"d","name":"n","score":1,"snippet":"s"}],"cached":true}`
	cases := []struct {
		name   string
		record []chatconnect.RelayEvent
		text   string
		found  bool
		code   string
	}{
		{name: "nothing"},
		{name: "a part", text: "a", record: []chatconnect.RelayEvent{event(1, "token", `{"text":"a"}`)}},
		{name: "an error", record: []chatconnect.RelayEvent{event(1, "token", `{"text":"a"}`), event(2, "error", `{}`)}},
		{name: "the whole", found: true, text: "ab",
			record: []chatconnect.RelayEvent{event(1, "token", `{"text":"a"}`), event(2, "token", `{"text":"b"}`), event(3, "done", done)}},
		{name: "the second attempt", found: true, text: "b",
			record: []chatconnect.RelayEvent{event(1, "token", `{"text":"a"}`), event(second+1, "restart", `{"attempt":2}`), event(second+2, "token", `{"text":"b"}`), event(second+3, "done", done)}},
		{name: "without its beginning", record: []chatconnect.RelayEvent{event(2, "token", `{"text":"b"}`), event(3, "done", done)}},
		{name: "damaged", record: []chatconnect.RelayEvent{event(1, "token", `{`), event(2, "done", done)}, code: "internal"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := answerstream.Recover(t.Context(), &memory{record: c.record}, message)
			if c.code != "" {
				require.Equal(t, c.code, chatconnect.AsError(err).Code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.found, got.Done)
			require.Equal(t, c.text, got.Answer.Text)
			if got.Done {
				require.Equal(t, chatconnect.ChatStopped, got.Status)
				require.Equal(t, chatconnect.Answer{
					MessageID: "m", SessionID: "s", Text: c.text, Cached: true,
					Usage:   chatconnect.Usage{InputTokens: 1, OutputTokens: 2},
					Sources: []chatconnect.Source{{Index: 1, DocumentID: "d", Name: "n", Score: 1, Snippet: "s"}},
				}, got.Answer)
			}
		})
	}
}
