package workflows

import (
	"time"

	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

// attemptTimeout bounds one attempt at writing an answer.
const attemptTimeout = 2 * time.Minute

// answer is the state of one AnswerMessage workflow.
type answer struct {
	*temporal.ChatInput
	status    string
	rewritten chatconnect.Rewritten // what it took counts, whatever becomes of the answer
}

// AnswerMessage answers one question: retrieve, generate, and log if generate
// could not. The visitor reads the answer from the relay while generate runs;
// the result is for those who come later or did not stream. Cancelling the
// workflow is how a visitor stops an answer: it ends well, with the text so
// far.
func AnswerMessage(ctx workflow.Context, in *temporal.ChatInput) (*temporal.ChatResult, error) {
	w := &answer{ChatInput: in, status: "retrieving"}
	if err := workflow.SetQueryHandler(ctx, temporal.QueryProgress, func() (string, error) {
		return w.status, nil
	}); err != nil {
		return nil, err
	}
	record, err := w.run(ctx)
	if err != nil {
		record = w.ended(ctx, err)
	}
	if !record.Logged {
		w.status = "logging"
		if err := w.log(ctx, record); err != nil {
			return nil, err
		}
	}
	w.status = "done"
	return &temporal.ChatResult{
		Answer: record.Answer, Status: record.Status,
		ErrorCode: record.ErrorCode, ErrorMessage: record.ErrorMessage,
	}, nil
}

func (w *answer) run(ctx workflow.Context) (*temporal.LogInput, error) {
	var a *activities.Chat
	in := &temporal.GenerateInput{ChatInput: *w.ChatInput}
	// Local, because a hop through the server costs more than the search.
	local := workflow.WithLocalActivityOptions(ctx, temporal.RetrieveOptions())
	if err := workflow.ExecuteLocalActivity(local, a.Retrieve, w.ChatInput).Get(ctx, &in.RetrieveResult); err != nil {
		return nil, err
	}
	w.status, w.rewritten = "generating", in.Rewritten
	record := &temporal.LogInput{ChatInput: *w.ChatInput, Told: true}
	remote := workflow.WithActivityOptions(ctx, temporal.GenerateOptions(attemptTimeout))
	generating := workflow.ExecuteActivity(remote, a.Generate, in)
	w.interruptIfStopped(ctx, generating)
	return record, generating.Get(ctx, &record.GenerateResult)
}

// interruptIfStopped returns when the answer is there, or when the visitor has
// stopped it and its writer has been told.
func (w *answer) interruptIfStopped(ctx workflow.Context, generating workflow.Future) {
	stopped := false
	workflow.NewSelector(ctx).
		AddFuture(generating, func(workflow.Future) {}).
		AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) { stopped = true }).
		Select(ctx)
	if !stopped {
		return
	}
	w.status = "stopping"
	var a *activities.Chat
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	local := workflow.WithLocalActivityOptions(ctx, temporal.InterruptOptions())
	if err := workflow.ExecuteLocalActivity(local, a.Interrupt, w.ChatInput).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("the next heartbeat tells that the answer was stopped", "error", err)
	}
}

// ended is the record of an answer that was not written: it failed, or was
// stopped while nothing was writing it. Whatever went wrong after a stop, the
// death of the writer for one, is not the visitor's concern: he wanted no more.
func (w *answer) ended(ctx workflow.Context, err error) *temporal.LogInput {
	record := &temporal.LogInput{ChatInput: *w.ChatInput}
	record.Answer = chatconnect.Answer{MessageID: w.MessageID, SessionID: w.SessionID, Sources: []chatconnect.Source{}}
	record.AddRewriting(w.rewritten)
	record.Latency = workflow.Now(ctx).Sub(w.AskedAt)
	if sdktemporal.IsCanceledError(err) || ctx.Err() != nil {
		record.Status = chatconnect.ChatStopped
		return record
	}
	e := temporal.DecodeError(err)
	workflow.GetLogger(ctx).Error("no answer", "error", err)
	record.Status, record.ErrorCode, record.ErrorMessage = chatconnect.ChatFailed, e.Code, e.Message
	return record
}

// log records the exchange, whatever became of the workflow's context: in the
// worker at hand if the database answers soon, else for as long as it takes.
func (w *answer) log(ctx workflow.Context, record *temporal.LogInput) error {
	var a *activities.Chat
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	local := workflow.WithLocalActivityOptions(ctx, temporal.LogLocally())
	if err := workflow.ExecuteLocalActivity(local, a.Log, record).Get(ctx, &record.GenerateResult); err == nil {
		return nil
	}
	patient := workflow.WithActivityOptions(ctx, temporal.LogOptions())
	return workflow.ExecuteActivity(patient, a.Log, record).Get(ctx, &record.GenerateResult)
}
