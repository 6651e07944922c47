package chatconnect

import (
	"slices"
	"time"
)

// Limits of a visitor's message.
const (
	MaxMessageRunes  = 2000
	MaxMetadataBytes = 4096
)

// Question is a visitor's message, already validated and normalised.
type Question struct {
	ClientID  ClientID
	SessionID SessionID
	MessageID MessageID
	Text      string // NFC, 1-2000 code points, no control or bidi characters
	Tier      Tier
	Metadata  map[string]any
	AskedAt   time.Time
}

// Turn is one earlier exchange of a session.
type Turn struct {
	Question string
	Answer   string
}

// Passage is a chunk found for a question.
type Passage struct {
	DocumentID   DocumentID `json:"documentId"`
	Version      int        `json:"version"`
	DocumentName string     `json:"documentName"`
	ChunkIndex   int        `json:"chunkIndex"`
	Content      string     `json:"content"`
	Page         int        `json:"page,omitempty"`
	Row          int        `json:"row,omitempty"`
	Section      string     `json:"section,omitempty"`
	Score        float64    `json:"score"` // fused rank score; comparable within one answer only
	// Similarity and Lexical say how well the passage fits by itself, so that
	// an answer can be honest about finding nothing: the cosine of question and
	// passage (-1 to 1), and the passage's BM25 score (0 and up; 0 also if it
	// is not among the best by BM25).
	Similarity float64 `json:"similarity"`
	Lexical    float64 `json:"lexical"`
}

// Source is a passage as shown to a visitor. Index is the number that [n] in
// the answer refers to.
type Source struct {
	Index      int        `json:"index"`
	DocumentID DocumentID `json:"documentId"`
	Name       string     `json:"name"`
	Page       int        `json:"page,omitempty"`
	Row        int        `json:"row,omitempty"`
	Score      float64    `json:"score"`
	Snippet    string     `json:"snippet"` // at most 240 code points
}

// Usage counts a model call in the provider's tokens. CachedTokens are those
// of InputTokens that the provider read from its prompt cache.
type Usage struct {
	InputTokens  int `json:"inputTokens"`
	OutputTokens int `json:"outputTokens"`
	CachedTokens int `json:"cachedTokens"`
}

// Plus is both together.
func (u Usage) Plus(v Usage) Usage {
	return Usage{u.InputTokens + v.InputTokens, u.OutputTokens + v.OutputTokens, u.CachedTokens + v.CachedTokens}
}

// Minus is u without v, which is a part of it.
func (u Usage) Minus(v Usage) Usage {
	return Usage{u.InputTokens - v.InputTokens, u.OutputTokens - v.OutputTokens, u.CachedTokens - v.CachedTokens}
}

// Answer is a finished answer.
type Answer struct {
	MessageID MessageID `json:"messageId"`
	SessionID SessionID `json:"sessionId"`
	Text      string    `json:"answer"`
	Sources   []Source  `json:"sources"`
	Usage     Usage     `json:"usage"`
	Cached    bool      `json:"cached"` // retrieval came from the query cache
}

// ChatStatus is how a question ended.
type ChatStatus string

const (
	ChatAnswered   ChatStatus = "answered"
	ChatUnanswered ChatStatus = "unanswered" // nothing in the documents fits
	ChatStopped    ChatStatus = "stopped"    // by the visitor; the answer is the text so far
	ChatFailed     ChatStatus = "failed"

	ChatSmallTalk ChatStatus = "smalltalk"         // a greeting, thanks and the like: nothing was searched for
	ChatHandoff   ChatStatus = "handoff_requested" // a person was asked for; the request is only noted
)

// ChatStatuses lists all of them.
func ChatStatuses() []ChatStatus {
	return []ChatStatus{ChatAnswered, ChatUnanswered, ChatSmallTalk, ChatHandoff, ChatStopped, ChatFailed}
}

// AskedModel reports whether an exchange that ended so was written by the
// client's model, or stopped or failed on the way there.
func (s ChatStatus) AskedModel() bool { return s != ChatSmallTalk && s != ChatHandoff }

// ChatLog is one exchange as kept for the tenant. Usage and Cost are of all
// that it took; the part that rewriting the question took, perhaps by another
// model than the answer's, is named in Rewriting.
type ChatLog struct {
	Question         Question
	Answer           Answer
	Status           ChatStatus
	ErrorCode        string
	Provider         string
	Model            string
	Latency          time.Duration // question received to last token
	TimeToFirstToken time.Duration // question received to first token
	Cost             MicroUSD
	Rewriting        Completion // its Model, Usage and Cost; "" if no model was asked
}

// Spent is what the exchange took, by model: at most two entries, and none of
// no model.
func (l ChatLog) Spent() []Completion {
	spent := []Completion{{Model: l.Model, Usage: l.Answer.Usage, Cost: l.Cost}}
	if r := l.Rewriting; r.Model != "" && r.Model != l.Model {
		spent[0].Usage, spent[0].Cost = l.Answer.Usage.Minus(r.Usage), l.Cost-r.Cost
		spent = append(spent, r)
	}
	return slices.DeleteFunc(spent, func(c Completion) bool { return c.Model == "" })
}

// MicroUSD is an amount of money in millionths of a US dollar.
type MicroUSD int64

// ChatContext is what an answer depends on besides the question, read in one
// snapshot.
type ChatContext struct {
	History   []Turn // oldest first
	Knowledge Knowledge
	Model     string // the client's own choice, "" for its tier's
	Locale    string // of its widget, a BCP 47 tag; "" or "auto" for the visitor's own
	Budget    TokenBudget
}
