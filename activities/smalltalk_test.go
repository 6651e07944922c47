package activities

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/language/replies"
	"github.com/chatconnect/chatconnect/temporal"
)

// remembered is all that small talk may read: whatever else is asked, the index
// or the embedder, panics.
type remembered struct {
	chatconnect.ChatStore
	found chatconnect.ChatContext
}

func (s remembered) ChatContext(context.Context, chatconnect.ClientID, chatconnect.SessionID, int) (chatconnect.ChatContext, error) {
	return s.found, nil
}

// Small talk reaches neither index nor embedder nor model, and a used-up budget
// doesn't matter to it.
func TestSmallTalkCostsNothing(t *testing.T) {
	t.Parallel()
	spent := chatconnect.TokenBudget{Limit: 1, Used: 1, Warned: true}
	for name, tt := range map[string]struct {
		text    string
		browser string
		found   chatconnect.ChatContext
		status  chatconnect.ChatStatus
		want    string
	}{
		"a greeting": {"Bonjour", "", chatconnect.ChatContext{Budget: spent}, chatconnect.ChatSmallTalk, replies.Say(replies.Greeting, language.French)},
		"a person":   {"Kann ich mit einem Menschen sprechen?", "", chatconnect.ChatContext{}, chatconnect.ChatHandoff, replies.Say(replies.Handoff, language.German)},
		"an emoji, by the session": {"👍", "it", chatconnect.ChatContext{
			Locale: "fr", History: []chatconnect.Turn{{Question: "Сколько стоит доставка?", Answer: "5"}},
		}, chatconnect.ChatSmallTalk, replies.Say(replies.Acknowledgement, language.Russian)},
		"an emoji, by the widget":  {"👍", "it", chatconnect.ChatContext{Locale: "fr"}, chatconnect.ChatSmallTalk, replies.Say(replies.Acknowledgement, language.French)},
		"an emoji, by the browser": {"👍", "it", chatconnect.ChatContext{Locale: "auto"}, chatconnect.ChatSmallTalk, replies.Say(replies.Acknowledgement, language.Italian)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, generate := chatOn(t, redistest.Mini(t))
			a.Chats, a.Logger, a.Model = remembered{found: tt.found}, slog.New(slog.DiscardHandler), nil
			generate.Text, generate.Language = tt.text, tt.browser
			retrieved, err := a.Retrieve(t.Context(), &generate.ChatInput)
			require.NoError(t, err)
			require.Empty(t, retrieved.Passages)
			generate.RetrieveResult = *retrieved
			result, err := a.write(t.Context(), generate, 1)
			require.NoError(t, err)
			require.Equal(t, tt.status, result.Status)
			require.Equal(t, tt.want, result.Answer.Text)
			require.Zero(t, result.Answer.Usage)
			require.Empty(t, result.Model)
			require.Empty(t, result.Answer.Sources)
			require.Equal(t, "token sources done", record(t, a, generate.Ref()))

			// Another worker, after this one died: nothing is said twice.
			again, err := a.finishedEarlier(t.Context(), generate, 2)
			require.NoError(t, err)
			require.Equal(t, result.Answer.Text, again.Answer.Text)
			a.Cache = nowhere{}
			again, err = a.finishedEarlier(t.Context(), generate, 2)
			require.NoError(t, err)
			require.Equal(t, tt.status, again.Status)
			require.Empty(t, again.Model)
		})
	}
}

// A later question doesn't lean on small talk; to a request for a person it may.
func TestHistoryWithoutSmallTalk(t *testing.T) {
	t.Parallel()
	turn := func(question string) chatconnect.Turn { return chatconnect.Turn{Question: question, Answer: "…"} }
	require.Equal(t,
		[]chatconnect.Turn{turn("Do you sell boots?"), turn("Can I talk to a human?")},
		withoutSmallTalk([]chatconnect.Turn{turn("hi"), turn("Do you sell boots?"), turn("thanks!"), turn("Can I talk to a human?")}))
}

// What Temporal itself ended is told in the visitor's language, too.
func TestFailuresAreToldInTheVisitorsLanguage(t *testing.T) {
	t.Parallel()
	in := &temporal.LogInput{ErrorCode: temporal.CodeTimeout, ErrorMessage: "This took too long."}
	in.Text = "Сколько стоит доставка?"
	require.Equal(t, replies.Say(replies.Unavailable, language.Russian), errorMessage(in))
	in.ErrorCode, in.ErrorMessage = "budget_exhausted", "said by Retrieve"
	require.Equal(t, "said by Retrieve", errorMessage(in))

	err := encodeFor(errBudgetExhausted, language.Japanese)
	require.Equal(t, replies.Say(replies.BudgetExhausted, language.Japanese), temporal.DecodeError(err).Message)
	require.Contains(t, err.Error(), "limit for this month", "operators read English")
}
