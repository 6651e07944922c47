package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities/answerstream"
	"github.com/chatconnect/chatconnect/language/smalltalk"
	"github.com/chatconnect/chatconnect/temporal"
)

// errStopped is the cause of an end that the visitor wanted.
var errStopped = errors.New("stopped by the visitor")

// Generate has the model write the answer, streams it to the relay and logs
// it. An attempt after the first tells readers to forget the text so far,
// unless an earlier one had finished and only its result was lost. An answer
// that the visitor stops ends well, with the text so far.
func (a *Chat) Generate(ctx context.Context, in *temporal.GenerateInput) (*temporal.GenerateResult, error) {
	defer heartbeat(ctx)() // from before the first token: a model may think for long
	attempt := int(activity.GetInfo(ctx).Attempt)
	result, err := a.finishedEarlier(ctx, in, attempt)
	if result == nil && err == nil {
		result, err = a.write(ctx, in, attempt)
	}
	if err != nil {
		return nil, encodeFor(err, visitorLanguage(in))
	}
	// Here and not by an activity of its own, which would be one event more in
	// every history. If it fails, the workflow does it, for as long as it takes.
	result.Logged = a.logAtOnce(ctx, in, result)
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
	asking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer a.Stops.OnStop(in.Ref(), func() { stop(errStopped) })()

	var firstToken time.Duration
	completion, err := a.compose(asking, in, attempt, func(ctx context.Context, text string) error {
		if firstToken == 0 {
			firstToken = time.Since(in.AskedAt)
		}
		return stream.Token(ctx, text)
	})
	result := a.resultOf(in, completion)
	switch {
	case err != nil && isStopped(asking):
		result.Status = chatconnect.ChatStopped
	case err != nil:
		a.spent(ctx, &in.ChatInput, completion)
		return nil, err
	}
	// The text is there: that it ends is kept and told also if the context ends
	// at this moment, by a stop that comes too late or a worker's shutdown. Each
	// step has a time limit of its own.
	ctx = context.WithoutCancel(ctx)
	result.TimeToFirstToken = firstToken
	a.keep(ctx, in.Ref(), result)
	return result, a.finish(ctx, stream, result)
}

// compose has the model write the answer; to small talk it gives a sentence of
// its own, which costs nothing and needs no provider.
func (a *Chat) compose(ctx context.Context, in *temporal.GenerateInput, attempt int, onToken func(context.Context, string) error) (chatconnect.Completion, error) {
	if in.SmallTalk == "" {
		return a.Model.Generate(ctx, chatconnect.Prompt{
			Tier: in.Tier, Model: in.ChosenModel, Attempt: attempt, History: in.History, Question: in.Text, Passages: in.Passages,
			Language: string(visitorLanguage(in)),
		}, onToken)
	}
	text := replyTo(smalltalk.Kind(in.SmallTalk), visitorLanguage(in))
	if err := onToken(ctx, text); err != nil {
		return chatconnect.Completion{}, err
	}
	return chatconnect.Completion{Text: text}, nil
}

// spent counts what an attempt that came to nothing took from the provider, so
// that a model which breaks off again and again can't exceed the budget. Best
// effort, and once: the attempt ends with it.
func (a *Chat) spent(ctx context.Context, in *temporal.ChatInput, completion chatconnect.Completion) {
	if completion.Usage == (chatconnect.Usage{}) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logTimeout)
	defer cancel()
	a.Metrics.Spent(completion)
	if err := a.Chats.AddUsage(ctx, in.ClientID, in.AskedAt, completion); err != nil {
		a.Logger.WarnContext(ctx, "usage of a failed attempt not counted", "message_id", in.MessageID, "error", err)
	}
}

// isStopped tells an end that the visitor wanted, by a signal or by the
// cancellation of the workflow, from a worker that shuts down and an attempt
// that Temporal has given up.
func isStopped(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return errors.Is(cause, errStopped) || sdktemporal.IsCanceledError(cause)
}

func (a *Chat) resultOf(in *temporal.GenerateInput, completion chatconnect.Completion) *temporal.GenerateResult {
	result := &temporal.GenerateResult{
		Answer: chatconnect.Answer{
			MessageID: in.MessageID, SessionID: in.SessionID, Text: completion.Text,
			Sources: []chatconnect.Source{}, Usage: completion.Usage, Cached: in.Cached,
		},
		Status: chatconnect.ChatAnswered, Provider: completion.Provider, Model: completion.Model,
		Latency: time.Since(in.AskedAt), Cost: completion.Cost,
	}
	result.AddRewriting(in.Rewritten)
	switch {
	case in.SmallTalk == string(smalltalk.Handoff):
		result.Status = chatconnect.ChatHandoff
	case in.SmallTalk != "":
		result.Status = chatconnect.ChatSmallTalk
	case completion.Unanswered:
		result.Status = chatconnect.ChatUnanswered
	default:
		result.Answer.Sources = chatconnect.Cited(completion.Text, in.Passages)
	}
	return result
}

// finish publishes the end of the answer. Only being superseded is an error:
// what the relay could not take, the API finds in the workflow's result.
func (a *Chat) finish(ctx context.Context, stream *answerstream.Writer, r *temporal.GenerateResult) error {
	err := stream.Sources(ctx, r.Answer.Sources)
	if err == nil {
		err = stream.Done(ctx, r.Answer, r.Status)
	}
	if errors.Is(err, answerstream.ErrUndelivered) {
		a.Logger.WarnContext(ctx, "answer not relayed to its end", "message_id", r.Answer.MessageID, "error", err)
		return nil
	}
	return err
}
