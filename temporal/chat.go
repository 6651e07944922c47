package temporal

import (
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// ChatWorkflowID is one for each message: repeating a message attaches to its
// answer.
func ChatWorkflowID(message chatconnect.MessageRef) string {
	return "chat:" + string(message.ClientID) + ":" + string(message.SessionID) + ":" + string(message.MessageID)
}

// ChatInput starts AnswerMessage.
type ChatInput struct {
	ClientID  chatconnect.ClientID  `json:"clientId"`
	SessionID chatconnect.SessionID `json:"sessionId"`
	MessageID chatconnect.MessageID `json:"messageId"`
	Text      string                `json:"text"`
	Tier      chatconnect.Tier      `json:"tier"`
	Metadata  map[string]any        `json:"metadata,omitempty"`
	AskedAt   time.Time             `json:"askedAt"`
	// Language is what the visitor's browser asks for, an ISO 639-1 code; "" if
	// that is not known.
	Language string `json:"language,omitempty"`
}

// Tenant is whose visitor asks.
func (in ChatInput) Tenant() chatconnect.ClientID { return in.ClientID }

// Ref names the message.
func (in ChatInput) Ref() chatconnect.MessageRef {
	return chatconnect.MessageRef{ClientID: in.ClientID, SessionID: in.SessionID, MessageID: in.MessageID}
}

// Question is the domain's form of the input.
func (in ChatInput) Question() chatconnect.Question {
	return chatconnect.Question{
		ClientID: in.ClientID, SessionID: in.SessionID, MessageID: in.MessageID,
		Text: in.Text, Tier: in.Tier, Metadata: in.Metadata, AskedAt: in.AskedAt,
	}
}

// ChatResult is what AnswerMessage returns. An answer that could not be
// written is a result with an ErrorCode: the visitor has been told.
type ChatResult struct {
	Answer       chatconnect.Answer     `json:"answer"`
	Status       chatconnect.ChatStatus `json:"status"`
	ErrorCode    string                 `json:"errorCode,omitempty"`
	ErrorMessage string                 `json:"errorMessage,omitempty"`
}

// RetrieveResult is what Retrieve found.
type RetrieveResult struct {
	History  []chatconnect.Turn    `json:"history,omitempty"`
	Passages []chatconnect.Passage `json:"passages"`
	Cached   bool                  `json:"cached"`
	// Rewritten is what was searched with if not the question itself, and what
	// a model took to find it.
	Rewritten   chatconnect.Rewritten `json:"rewritten,omitzero"`
	ChosenModel string                `json:"chosenModel,omitempty"` // the client's own
	// SmallTalk is what the message is if it needs no search and no model (see
	// language/smalltalk), ReplyLanguage what the program itself replies in.
	SmallTalk     string `json:"smallTalk,omitempty"`
	ReplyLanguage string `json:"replyLanguage,omitempty"`
}

// GenerateInput asks for the answer. GenerateResult is the answer with what
// the log needs.
type GenerateInput struct {
	ChatInput
	RetrieveResult
}

type GenerateResult struct {
	Answer           chatconnect.Answer     `json:"answer"`
	Status           chatconnect.ChatStatus `json:"status"`
	Provider         string                 `json:"provider"`
	Model            string                 `json:"model"`
	Cost             chatconnect.MicroUSD   `json:"cost,omitempty"`
	Latency          time.Duration          `json:"latencyNs"`
	TimeToFirstToken time.Duration          `json:"timeToFirstTokenNs"`
	Logged           bool                   `json:"logged,omitempty"`
	// Rewriting is the part of usage and cost that rewriting the question took;
	// its text is left out.
	Rewriting chatconnect.Rewritten `json:"rewriting,omitzero"`
}

// AddRewriting adds what rewriting the question took to usage and cost: it is
// paid for, too.
func (r *GenerateResult) AddRewriting(rewritten chatconnect.Rewritten) {
	rewritten.Text = ""
	r.Rewriting = rewritten
	r.Answer.Usage = r.Answer.Usage.Plus(rewritten.Usage)
	r.Cost += rewritten.Cost
}

// LogInput asks for the exchange to be logged. Unless Told, the visitor is told
// its end first.
type LogInput struct {
	ChatInput
	GenerateResult
	Told         bool   `json:"told,omitempty"`
	ErrorCode    string `json:"errorCode,omitempty"`
	ErrorMessage string `json:"errorMessage,omitempty"`
}
