package activities

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language/replies"
	"github.com/chatconnect/chatconnect/temporal"
)

// lastAttempt is where the ids of an attempt above every real one begin.
const lastAttempt = 1_000_000 * chatconnect.AttemptSpan

const (
	logTimeout  = 3 * time.Second // of logging within Generate
	tellTimeout = 2 * time.Second
)

// Log keeps the exchange for the tenant, once however often it runs, and
// returns it as it was kept. The end of one that Generate has not ended, a
// failure or a stop while nothing was being written, is told to the waiting
// visitor first.
func (a *Chat) Log(ctx context.Context, in *temporal.LogInput) (*temporal.GenerateResult, error) {
	result := in.GenerateResult
	switch {
	case in.ErrorCode != "":
		a.tell(ctx, in.Ref(), event(1, chatconnect.EventError, chatconnect.ErrorData{Code: in.ErrorCode, Message: errorMessage(in)}))
	case !in.Told:
		result = a.endStopped(ctx, in)
	}
	if err := a.record(ctx, in, result); err != nil {
		return nil, temporal.EncodeError(err)
	}
	result.Logged = true
	return &result, nil
}

// errorMessage is what the visitor is told of a failure. What Temporal itself
// ended has no message in their language yet.
func errorMessage(in *temporal.LogInput) string {
	if in.ErrorCode == temporal.CodeTimeout || in.ErrorCode == chatconnect.CodeInternal || in.ErrorMessage == "" {
		return replies.OfError(in.ErrorCode, languageOfInput(&in.ChatInput))
	}
	return in.ErrorMessage
}

func (a *Chat) record(ctx context.Context, in *temporal.LogInput, result temporal.GenerateResult) error {
	record := chatconnect.ChatLog{
		Question: in.Question(), Answer: result.Answer, Status: result.Status, ErrorCode: in.ErrorCode,
		Provider: result.Provider, Model: result.Model, Cost: result.Cost,
		Latency: result.Latency, TimeToFirstToken: result.TimeToFirstToken, Rewriting: result.Rewriting.Spent(),
	}
	if err := a.Chats.LogChat(ctx, record); err != nil {
		return err
	}
	a.Metrics.ChatEnded(record)
	return nil
}

// logAtOnce logs what Generate has written, and reports whether that worked.
func (a *Chat) logAtOnce(ctx context.Context, in *temporal.GenerateInput, result *temporal.GenerateResult) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logTimeout)
	defer cancel()
	err := a.record(ctx, &temporal.LogInput{ChatInput: in.ChatInput}, *result)
	if err != nil {
		a.Logger.WarnContext(ctx, "answer not logged at once", "message_id", in.MessageID, "error", err)
	}
	return err == nil
}

// endStopped ends an answer that was stopped before or between attempts at
// writing it, with the text that its readers have. One that had ended when the
// stop came stays what it is.
func (a *Chat) endStopped(ctx context.Context, in *temporal.LogInput) temporal.GenerateResult {
	told, kept := a.whatRemains(ctx, in.Ref())
	result := in.GenerateResult
	if kept != nil {
		result = *kept // for what it took, whoever has read it
	}
	if told.Done {
		if kept == nil {
			result.Answer, result.Status = told.Answer, told.Status
			if told.Status.AskedModel() {
				result.Provider, result.Model = a.Model.Name(in.Tier)
			}
		}
		return result
	}
	none := []chatconnect.Source{}
	result.Status, result.Answer.Text, result.Answer.Sources = in.Status, told.Answer.Text, none
	a.tell(ctx, in.Ref(), event(1, chatconnect.EventSources, none), event(2, chatconnect.EventDone, chatconnect.DoneData{
		MessageID: in.MessageID, SessionID: in.SessionID, Status: in.Status, Usage: result.Answer.Usage, Sources: none,
	}))
	return result
}

// tell is best effort: without the relay, the API finds the end in the
// workflow's result.
func (a *Chat) tell(ctx context.Context, message chatconnect.MessageRef, events ...chatconnect.RelayEvent) {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	err := a.Relay.Publish(ctx, message, events...)
	if err != nil && !errors.Is(err, chatconnect.ErrRelayFenced) {
		a.Logger.WarnContext(ctx, "end not relayed", "message_id", message.MessageID, "error", err)
	}
}

// event is the n-th of an attempt above every real one.
func event(n int64, kind string, content any) chatconnect.RelayEvent {
	data, err := json.Marshal(content)
	if err != nil {
		data = []byte("{}") // none of the types above can fail
	}
	return chatconnect.RelayEvent{ID: lastAttempt + n, Type: kind, Data: data}
}
