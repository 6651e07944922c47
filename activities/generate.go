package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities/answerstream"
	"github.com/chatconnect/chatconnect/temporal"
)

// Generate has the model write the answer and streams it to the relay. An
// attempt after the first tells readers to forget the text so far, unless an
// earlier one had finished and only its result was lost.
func (a *Chat) Generate(ctx context.Context, in *temporal.GenerateInput) (*temporal.GenerateResult, error) {
	defer heartbeat(ctx)() // from before the first token: a model may think for long
	attempt := int(activity.GetInfo(ctx).Attempt)
	if attempt > 1 {
		if result := a.finishedEarlier(ctx, in); result != nil {
			return result, nil
		}
	}
	result, err := a.write(ctx, in, attempt)
	if err != nil {
		return nil, temporal.EncodeError(err)
	}
	return result, nil
}

func (a *Chat) write(ctx context.Context, in *temporal.GenerateInput, attempt int) (*temporal.GenerateResult, error) {
	stream := answerstream.NewWriter(a.Relay, in.Ref(), attempt)
	defer stream.Close()
	if attempt > 1 {
		if err := stream.Restart(ctx); err != nil {
			return nil, err
		}
	}
	var firstToken time.Duration
	completion, err := a.Model.Generate(ctx, chatconnect.Prompt{
		Tier: in.Tier, History: in.History, Question: in.Text, Passages: in.Passages,
	}, func(ctx context.Context, text string) error {
		if firstToken == 0 {
			firstToken = time.Since(in.AskedAt)
		}
		return stream.Token(ctx, text)
	})
	if err != nil {
		return nil, err
	}
	result := &temporal.GenerateResult{
		Answer: chatconnect.Answer{
			MessageID: in.MessageID, SessionID: in.SessionID, Text: completion.Text,
			Sources: []chatconnect.Source{}, Usage: completion.Usage, Cached: in.Cached,
		},
		Status: chatconnect.ChatAnswered, Provider: completion.Provider, Model: completion.Model,
		Latency: time.Since(in.AskedAt), TimeToFirstToken: firstToken,
	}
	if completion.Unanswered {
		result.Status = chatconnect.ChatUnanswered
	} else if cited := chatconnect.Cited(completion.Text, in.Passages); cited != nil {
		result.Answer.Sources = cited
	}
	return result, a.finish(ctx, stream, result)
}

// finish publishes the end of the answer. Only being superseded is an error:
// what the relay could not take, the API finds in the workflow's result.
func (a *Chat) finish(ctx context.Context, stream *answerstream.Writer, r *temporal.GenerateResult) error {
	err := stream.Sources(ctx, r.Answer.Sources)
	if err == nil {
		err = stream.Done(ctx, r.Answer)
	}
	if errors.Is(err, answerstream.ErrUndelivered) {
		a.Logger.WarnContext(ctx, "answer not relayed to its end", "message_id", r.Answer.MessageID, "error", err)
		return nil
	}
	return err
}

// finishedEarlier rebuilds the result of an attempt that wrote the whole
// answer but died before Temporal recorded it; nil if there is none. The
// visitor has read that answer: writing another would contradict it.
func (a *Chat) finishedEarlier(ctx context.Context, in *temporal.GenerateInput) *temporal.GenerateResult {
	answer, found, err := answerstream.Recover(ctx, a.Relay, in.Ref())
	if err != nil {
		a.Logger.WarnContext(ctx, "relay not read; the answer is written again", "message_id", in.MessageID, "error", err)
	}
	if err != nil || !found {
		return nil
	}
	status := chatconnect.ChatAnswered
	if len(answer.Sources) == 0 {
		status = chatconnect.ChatUnanswered
	}
	provider, model := a.Model.Name(in.Tier)
	return &temporal.GenerateResult{
		Answer: answer, Status: status, Provider: provider, Model: model, Latency: time.Since(in.AskedAt),
	}
}
