package activities

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// failedEventID is the first of an attempt above every real one.
const failedEventID = 1_000_000*chatconnect.AttemptSpan + 1

// Log keeps the exchange for the tenant, once however often it runs. For a
// question that could not be answered it first tells the waiting visitor.
func (a *Chat) Log(ctx context.Context, in *temporal.LogInput) (*struct{}, error) {
	if in.ErrorCode != "" {
		a.tellFailure(ctx, in)
	}
	record := chatconnect.ChatLog{
		Question: in.Question(), Answer: in.Answer, Status: in.Status, ErrorCode: in.ErrorCode,
		Provider: in.Provider, Model: in.Model, Latency: in.Latency, TimeToFirstToken: in.TimeToFirstToken,
	}
	if err := a.Chats.LogChat(ctx, record); err != nil {
		return nil, temporal.EncodeError(err)
	}
	a.Metrics.ChatEnded(record)
	return &struct{}{}, nil
}

// tellFailure is best effort: without the relay, the API finds the failure in
// the workflow's result.
func (a *Chat) tellFailure(ctx context.Context, in *temporal.LogInput) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	data, err := json.Marshal(map[string]string{"code": in.ErrorCode, "message": in.ErrorMessage})
	if err == nil {
		err = a.Relay.Publish(ctx, in.Ref(), chatconnect.RelayEvent{ID: failedEventID, Type: chatconnect.EventError, Data: data})
	}
	if err != nil && !errors.Is(err, chatconnect.ErrRelayFenced) {
		a.Logger.WarnContext(ctx, "failure not relayed", "message_id", in.MessageID, "error", err)
	}
}
