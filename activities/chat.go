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
	Embedder  chatconnect.Embedder
	Index     chatconnect.VectorIndex
	Model     chatconnect.Model
	Relay     chatconnect.Relay
	Stops     chatconnect.StopSignals
	Cache     chatconnect.Cache // of search results and finished answers
	Metrics   ChatMetrics
	Logger    *slog.Logger
}
