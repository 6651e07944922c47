package activities

import (
	"log/slog"

	chatconnect "github.com/chatconnect/chatconnect"
)

// ChatMetrics counts answers and what was saved on them.
type ChatMetrics interface {
	ChatEnded(log chatconnect.ChatLog)
	Spent(completion chatconnect.Completion) // that came to nothing
	QueryCacheHit()
	QueryCacheMiss()
	Embedded(spent chatconnect.Completion)
	BudgetWarned(client chatconnect.ClientID)
}

// Chat are the activities of the AnswerMessage workflow.
type Chat struct {
	Chats     chatconnect.ChatStore
	Embedders chatconnect.Embedders
	Index     chatconnect.VectorIndex
	Model     chatconnect.Model
	Rewriter  chatconnect.Rewriter
	Relay     chatconnect.Relay
	Stops     chatconnect.StopSignals
	Cache     chatconnect.Cache // of search results and finished answers
	Metrics   ChatMetrics
	Logger    *slog.Logger

	exhausted exhausted
}
