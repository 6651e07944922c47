package activities

import (
	"context"
	"encoding/json"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities/answerstream"
	"github.com/chatconnect/chatconnect/temporal"
)

// keptFor is how long a finished text outlasts the worker that wrote it, as
// long as its relay does.
const keptFor = time.Hour

// answerKey is where the result of a message is kept.
func answerKey(m chatconnect.MessageRef) string {
	return string(m.ClientID) + ":answer:" + string(m.SessionID) + ":" + string(m.MessageID)
}

// keep stores the finished text before its end is told, so that the text is
// not paid for twice if the worker dies from here on. Without Redis it is not
// kept, and only that is lost.
func (a *Chat) keep(ctx context.Context, message chatconnect.MessageRef, result *temporal.GenerateResult) {
	value, err := json.Marshal(result)
	if err == nil {
		err = a.Cache.Set(ctx, answerKey(message), value, keptFor)
	}
	if err != nil {
		a.Logger.WarnContext(ctx, "finished answer not kept", "message_id", message.MessageID, "error", err)
	}
}

// finishedEarlier returns the result of an attempt that wrote the whole text
// but died before Temporal recorded it; nil if there is none. The visitor has
// read that text: writing another would contradict it. If its end was not
// told, that is done now.
func (a *Chat) finishedEarlier(ctx context.Context, in *temporal.GenerateInput, attempt int) (*temporal.GenerateResult, error) {
	if attempt < 2 {
		return nil, nil //nolint:nilnil // nothing is what the first attempt finds
	}
	told, kept := a.whatRemains(ctx, in.Ref())
	switch {
	case kept != nil && told.Done:
		return kept, nil
	case kept != nil:
		stream := answerstream.NewWriter(a.Relay, in.Ref(), attempt)
		defer stream.Close()
		if err := stream.Restart(ctx); err != nil {
			return nil, err
		}
		if err := stream.Token(ctx, kept.Answer.Text); err != nil {
			return nil, err
		}
		return kept, a.finish(ctx, stream, kept)
	case told.Done:
		result := &temporal.GenerateResult{Answer: told.Answer, Status: told.Status, Latency: time.Since(in.AskedAt)}
		if told.Status.AskedModel() {
			result.Provider, result.Model = a.Model.Name(in.Tier)
		}
		result.Answer.Usage = told.Answer.Usage.Minus(in.Rewritten.Usage) // the visitor was told of both
		result.AddRewriting(in.Rewritten)
		return result, nil
	}
	return nil, nil //nolint:nilnil // see above
}

// whatRemains of a message's writing is what its readers have been told, and
// the finished result, nil if there is none or it is not what they were told.
func (a *Chat) whatRemains(ctx context.Context, message chatconnect.MessageRef) (answerstream.Recovered, *temporal.GenerateResult) {
	told, err := answerstream.Recover(ctx, a.Relay, message)
	if err != nil {
		a.Logger.WarnContext(ctx, "relay not read", "message_id", message.MessageID, "error", err)
	}
	kept := a.kept(ctx, message)
	if told.Done && kept != nil && kept.Answer.Text != told.Answer.Text {
		kept = nil // by a writer that had been given up: nobody has read that
	}
	return told, kept
}

func (a *Chat) kept(ctx context.Context, message chatconnect.MessageRef) *temporal.GenerateResult {
	value, found, err := a.Cache.Get(ctx, answerKey(message))
	if err != nil {
		a.Logger.WarnContext(ctx, "kept answer not read", "message_id", message.MessageID, "error", err)
	}
	if err != nil || !found {
		return nil
	}
	var result temporal.GenerateResult
	if err := json.Unmarshal(value, &result); err != nil {
		a.Logger.WarnContext(ctx, "kept answer not understood", "message_id", message.MessageID, "error", err)
		return nil
	}
	return &result
}
