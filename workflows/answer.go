package workflows

import (
	"time"

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
	status string
}

// AnswerMessage answers one question: retrieve, generate, log. The visitor
// reads the answer from the relay while generate runs; the result is for
// those who come later or did not stream.
func AnswerMessage(ctx workflow.Context, in *temporal.ChatInput) (*temporal.ChatResult, error) {
	w := &answer{ChatInput: in, status: "retrieving"}
	if err := workflow.SetQueryHandler(ctx, temporal.QueryProgress, func() (string, error) {
		return w.status, nil
	}); err != nil {
		return nil, err
	}
	generated, err := w.run(ctx)
	record := &temporal.LogInput{ChatInput: *in}
	if err == nil {
		record.GenerateResult = *generated
	} else {
		e := temporal.DecodeError(err)
		workflow.GetLogger(ctx).Error("no answer", "error", err)
		record.ErrorCode, record.ErrorMessage = e.Code, e.Message
		record.Status = chatconnect.ChatFailed
		record.Answer = chatconnect.Answer{MessageID: in.MessageID, SessionID: in.SessionID, Sources: []chatconnect.Source{}}
	}
	w.status = "logging"
	if err := w.log(ctx, record); err != nil {
		return nil, err
	}
	w.status = "done"
	return &temporal.ChatResult{
		Answer: record.Answer, Status: record.Status,
		ErrorCode: record.ErrorCode, ErrorMessage: record.ErrorMessage,
	}, nil
}

func (w *answer) run(ctx workflow.Context) (*temporal.GenerateResult, error) {
	var a *activities.Chat
	in := &temporal.GenerateInput{ChatInput: *w.ChatInput}
	// Local, because a hop through the server costs more than the search.
	local := workflow.WithLocalActivityOptions(ctx, temporal.RetrieveOptions())
	if err := workflow.ExecuteLocalActivity(local, a.Retrieve, w.ChatInput).Get(ctx, &in.RetrieveResult); err != nil {
		return nil, err
	}
	w.status = "generating"
	var result temporal.GenerateResult
	remote := workflow.WithActivityOptions(ctx, temporal.GenerateOptions(attemptTimeout))
	if err := workflow.ExecuteActivity(remote, a.Generate, in).Get(ctx, &result); err != nil {
		return nil, err
	}
	return &result, nil
}

// log records the exchange, whatever became of the workflow's context: in the
// worker at hand if the database answers soon, else for as long as it takes.
func (w *answer) log(ctx workflow.Context, record *temporal.LogInput) error {
	var a *activities.Chat
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	local := workflow.WithLocalActivityOptions(ctx, temporal.LogLocally())
	if err := workflow.ExecuteLocalActivity(local, a.Log, record).Get(ctx, nil); err == nil {
		return nil
	}
	patient := workflow.WithActivityOptions(ctx, temporal.LogOptions())
	return workflow.ExecuteActivity(patient, a.Log, record).Get(ctx, nil)
}
