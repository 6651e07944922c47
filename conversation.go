package chatconnect

import "time"

// MaxCommentRunes bounds what a visitor writes about an answer.
const MaxCommentRunes = 1000

// Rating is what a visitor thinks of an answer.
type Rating string

const (
	RatingUp   Rating = "up"
	RatingDown Rating = "down"
	RatingNone Rating = "none" // withdrawn, or never given
)

// Valid reports whether r is one of the three.
func (r Rating) Valid() bool { return r == RatingUp || r == RatingDown || r == RatingNone }

// Feedback is a visitor's opinion of one answer. A later one replaces it.
type Feedback struct {
	SessionID SessionID
	MessageID MessageID
	Rating    Rating
	Comment   string // at most MaxCommentRunes code points
}

// Exchange is one question with its answer, as it was logged.
type Exchange struct {
	SessionID          SessionID      `json:"sessionId"`
	MessageID          MessageID      `json:"messageId"`
	Question           string         `json:"question"`
	Answer             string         `json:"answer"` // empty if it failed
	Sources            []Source       `json:"sources"`
	Status             ChatStatus     `json:"status"`
	ErrorCode          string         `json:"errorCode,omitempty"`
	Rating             Rating         `json:"rating"`
	Comment            string         `json:"comment,omitempty"`
	Metadata           map[string]any `json:"metadata"` // what the page sent along
	Provider           string         `json:"provider"`
	Model              string         `json:"model"`
	Usage              Usage          `json:"usage"`
	Cost               MicroUSD       `json:"costMicroUsd"` // 0 if the model's price isn't known
	Cached             bool           `json:"cached"`
	LatencyMS          int64          `json:"latencyMs"`
	TimeToFirstTokenMS int64          `json:"timeToFirstTokenMs"`
	AskedAt            time.Time      `json:"askedAt"`
}

// ConversationFilter selects conversations by the exchanges in them: those
// with at least one that meets all conditions. The zero value selects all.
type ConversationFilter struct {
	Search string     // in questions, answers and comments, whatever the case
	Status ChatStatus // "" for any
	Rating Rating     // "" for any; RatingNone for those without
	From   time.Time  // asked at or after
	To     time.Time  // asked before
	Cursor string     // of a page that was listed before
	Limit  int        // of a page; the store's default if 0
}

// Conversation is a session as it is listed. The question is the newest that
// meets the filter, so that a search shows what it found.
type Conversation struct {
	SessionID     SessionID  `json:"sessionId"`
	Question      string     `json:"question"`
	Status        ChatStatus `json:"status"`   // of that question
	Messages      int        `json:"messages"` // of the whole session that are still kept
	Up            int        `json:"up"`       // of its ratings
	Down          int        `json:"down"`
	LastMessageAt time.Time  `json:"lastMessageAt"` // of those that meet the filter
}

// DayUsage is what a model was used for on one day. Days are UTC.
type DayUsage struct {
	Day        string `json:"day"`   // 2006-01-02
	Model      string `json:"model"` // "" for questions that reached none
	Questions  int64  `json:"questions"`
	Answered   int64  `json:"answered"`
	Unanswered int64  `json:"unanswered"`
	SmallTalk  int64  `json:"smalltalk"`
	Handoffs   int64  `json:"handoffRequested"`
	Stopped    int64  `json:"stopped"`
	Failed     int64  `json:"failed"`

	InputTokens  int64 `json:"inputTokens"`
	OutputTokens int64 `json:"outputTokens"`
	CachedTokens int64 `json:"cachedTokens"`

	Cost MicroUSD `json:"costMicroUsd"` // of the models whose price is known
}

// SessionClaim begins a session whose id its caller chose. A visitor's claim
// names the request that begins it: the same request, repeated within
// Repeatable, holds the session again. A nil request is a server's.
type SessionClaim struct {
	SessionID  SessionID
	Request    []byte // 32 bytes that nobody else can make
	Repeatable time.Duration
}

// Retention is how long a client keeps its conversations.
type Retention struct {
	ClientID ClientID
	Days     int
}

// MaxRetentionDays bounds a client's setting; the least is one day.
const MaxRetentionDays = 3650
