package activities

import (
	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/language/replies"
	"github.com/chatconnect/chatconnect/temporal"
)

// languageContext is what is known of a visitor's language besides the message.
func languageContext(in *temporal.ChatInput, found chatconnect.ChatContext) language.Context {
	context := language.Context{Widget: found.Locale, Browser: language.Locale(in.Language)}
	for _, turn := range found.History {
		context.Earlier = append(context.Earlier, turn.Question)
	}
	return context
}

// visitorLanguage is what Retrieve found, or of a question that an older worker
// retrieved for, what the question itself tells.
func visitorLanguage(in *temporal.GenerateInput) language.Locale {
	if in.ReplyLanguage != "" {
		return language.Locale(in.ReplyLanguage)
	}
	return languageOfInput(&in.ChatInput)
}

func languageOfInput(in *temporal.ChatInput) language.Locale {
	return language.Of(in.Text, language.Context{Browser: language.Locale(in.Language)})
}

// encodeFor encodes an error with what the visitor is told, in their language.
func encodeFor(err error, locale language.Locale) error {
	return temporal.EncodeErrorAs(err, replies.OfError(chatconnect.AsError(err).Code, locale))
}
