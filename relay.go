package chatconnect

import "context"

// MessageRef names one message's relay.
type MessageRef struct {
	ClientID  ClientID
	SessionID SessionID
	MessageID MessageID
}

// Types of a relay event; they are the SSE event names of the chat API.
const (
	EventToken   = "token"   // {"text": …}
	EventSources = "sources" // [Source, …]
	EventRestart = "restart" // {"attempt": n}: forget the text so far
	EventDone    = "done"    // DoneData
	EventError   = "error"   // {"code", "message"}
)

// RelayEvent is one event on its way from the worker to the visitor. ID is
// strictly increasing within a message: (attempt-1)*AttemptSpan + n, n from 1,
// so that the writes of an attempt that is no longer the newest are refused.
type RelayEvent struct {
	ID   int64
	Type string
	Data []byte // JSON
}

// The data of the events, as JSON; worker and API write the same.
type (
	TokenData struct {
		Text string `json:"text"`
	}
	RestartData struct {
		Attempt int64 `json:"attempt"`
	}
	DoneData struct {
		MessageID MessageID  `json:"messageId"`
		SessionID SessionID  `json:"sessionId"`
		Status    ChatStatus `json:"status"` // never ChatFailed: that is an error event
		Usage     Usage      `json:"usage"`
		Sources   []Source   `json:"sources"`
		Cached    bool       `json:"cached"`
	}
	ErrorData struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
)

// AttemptSpan is the distance between the first ids of two attempts.
const AttemptSpan = 1_000_000

// Terminal reports whether no event follows.
func (e RelayEvent) Terminal() bool { return e.Type == EventDone || e.Type == EventError }

// Relay carries answers from workers to API processes: a replayable record
// for each message, kept for an hour, and live delivery.
type Relay interface {
	// Publish appends all events, or none, in order. An id not above the last
	// is refused with ErrRelayFenced: a newer attempt writes now (or a call that
	// seemed to fail has been recorded: compare with Events). The n of an
	// attempt is 1, 2, 3, …: if what is recorded ends before the event that
	// should precede the first, it is refused with ErrRelayIncomplete.
	Publish(ctx context.Context, message MessageRef, events ...RelayEvent) error
	// Events returns the recorded events with an id above after.
	Events(ctx context.Context, message MessageRef, after int64) ([]RelayEvent, error)
	// Subscribe delivers every event with an id above after exactly once and
	// in order, first the recorded, then the live ones. It returns once live
	// delivery is established.
	Subscribe(ctx context.Context, message MessageRef, after int64) (Subscription, error)
}

// StopSignals carry a visitor's wish to stop an answer to the worker that
// writes it. They are only the quick way: a signal that is lost is made good
// by the cancellation of the workflow, which the worker hears of with a
// heartbeat.
type StopSignals interface {
	// Stop tells the worker that writes the message's answer, if any does.
	Stop(ctx context.Context, message MessageRef) error
	// OnStop calls stop, which must not block, when the message is to be
	// stopped, until forget is called.
	OnStop(message MessageRef, stop func()) (forget func())
}

// Subscription is one reader of a message.
type Subscription interface {
	// Next waits for the next event. After a terminal event it returns io.EOF.
	Next(ctx context.Context) (RelayEvent, error)
	Close()
}

// ErrRelayFenced refuses the writes of an attempt that has been superseded.
var ErrRelayFenced = Errorf(KindConflict, "relay_fenced", "A newer attempt writes this answer.")

// ErrRelayIncomplete refuses an event whose predecessors are not recorded,
// because Redis has lost them: the writer must repeat them first.
var ErrRelayIncomplete = Errorf(KindConflict, "relay_incomplete", "Earlier parts of this answer are not recorded.")

// ProgressFeed carries document changes between processes.
type ProgressFeed interface {
	// PublishDocument tells every API process about the document's new state.
	PublishDocument(ctx context.Context, document Document) error
	// SubscribeDocuments delivers changes of one client's documents until ctx
	// ends; then, or when the connection is lost, the channel is closed and
	// the reader must take a fresh snapshot.
	SubscribeDocuments(ctx context.Context, client ClientID) (<-chan Document, error)
}
