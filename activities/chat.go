package activities

import (
	"log/slog"

	chatconnect "github.com/chatconnect/chatconnect"
)

// ChatMetrics counts answers.
type ChatMetrics interface {
	ChatEnded(log chatconnect.ChatLog)
}

// Chat are the activities of the AnswerMessage workflow.
type Chat struct {
	Documents chatconnect.DocumentStore
	Chats     chatconnect.ChatStore
	Embedders chatconnect.Embedders
	Index     chatconnect.VectorIndex
	Model     chatconnect.Model
	Relay     chatconnect.Relay
	Cache     chatconnect.Cache // of search results
	Metrics   ChatMetrics
	Logger    *slog.Logger
}
