package activities

import (
	"context"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/language/replies"
	"github.com/chatconnect/chatconnect/language/smalltalk"
	"github.com/chatconnect/chatconnect/temporal"
)

// retrieveSmallTalk reads what decides the language of a reply to a message that
// needs no search. It costs nothing, so a used-up budget does not matter.
func (a *Chat) retrieveSmallTalk(ctx context.Context, in *temporal.ChatInput) (*temporal.RetrieveResult, error) {
	found, err := a.Chats.ChatContext(ctx, in.ClientID, in.SessionID, turnsOfHistory)
	if err != nil {
		return nil, encodeFor(err, language.Of(in.Text, languageContext(in, found)))
	}
	kind, locale := smalltalk.Recognise(in.Text, languageContext(in, found))
	return &temporal.RetrieveResult{SmallTalk: string(kind), ReplyLanguage: string(locale)}, nil
}

// isSmallTalk reports whether a message needs no search.
func isSmallTalk(text string) bool {
	kind, _ := smalltalk.Recognise(text, language.Context{})
	return kind != smalltalk.None
}

// withoutSmallTalk drops turns that no later question can refer to. A request
// for a person stays: "why not?" refers to it.
func withoutSmallTalk(history []chatconnect.Turn) []chatconnect.Turn {
	var kept []chatconnect.Turn
	for _, turn := range history {
		kind, _ := smalltalk.Recognise(turn.Question, language.Context{})
		if kind == smalltalk.None || kind == smalltalk.Handoff {
			kept = append(kept, turn)
		}
	}
	return kept
}

func replyTo(kind smalltalk.Kind, locale language.Locale) string {
	switch kind {
	case smalltalk.Greeting:
		return replies.Say(replies.Greeting, locale)
	case smalltalk.Thanks:
		return replies.Say(replies.Thanks, locale)
	case smalltalk.Goodbye:
		return replies.Say(replies.Goodbye, locale)
	case smalltalk.HowAreYou:
		return replies.Say(replies.HowAreYou, locale)
	case smalltalk.Identity:
		return replies.Say(replies.Identity, locale)
	case smalltalk.Acknowledgement:
		return replies.Say(replies.Acknowledgement, locale)
	case smalltalk.Handoff:
		return replies.Say(replies.Handoff, locale)
	default: // also a kind that a newer worker recognised
		return replies.Say(replies.About, locale)
	}
}
