package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/language/replies"
	"github.com/chatconnect/chatconnect/temporal"
)

// chatLifetime bounds an answer's workflow. The answer itself is there, or given
// up, within temporal.AnswerDeadline and the minute before it; the rest is for
// its log, which waits for a database that is away.
const chatLifetime = 24 * time.Hour

// errChatFailed is what a visitor is told when an answer can't be written and
// nobody said why.
var errChatFailed = chatconnect.Errorf(chatconnect.KindInternal, "chat_failed", "The answer could not be written. Please ask again.")

// postChat answers in one piece.
func (s *Server) postChat(c *gin.Context) {
	q, err := s.acceptQuestion(c, false)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	ctx := c.Request.Context()
	run, err := s.startAnswer(ctx, q.ChatInput)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	waiting, cancel := context.WithTimeout(ctx, s.ChatTimeout)
	defer cancel()
	var result temporal.ChatResult
	if err := run.Get(waiting, &result); err != nil {
		s.fail(c, s.chatError(waiting, err))
		return
	}
	if result.ErrorCode != "" {
		s.fail(c, resultError(result, questionLanguage(q.ChatInput)))
		return
	}
	c.JSON(http.StatusOK, chatAnswer{wholeAnswer(result.Answer, q.Ref()), answerStatus(result), q.sessionToken})
}

// chatAnswer is an answer in one piece, with the token of a session that began
// with it.
type chatAnswer struct {
	chatconnect.Answer
	Status       chatconnect.ChatStatus `json:"status"`
	SessionToken string                 `json:"sessionToken,omitempty"`
}

// answerStatus is what the visitor is told of an answer that did not fail.
func answerStatus(result temporal.ChatResult) chatconnect.ChatStatus {
	if result.Status == "" {
		return chatconnect.ChatAnswered
	}
	return result.Status
}

// startAnswer starts the message's workflow, or finds the one that an earlier
// request with the same message id started, be it running or finished.
//
// The start doesn't end with the request: a visitor who leaves at this moment
// has asked.
func (s *Server) startAnswer(ctx context.Context, in temporal.ChatInput) (client.WorkflowRun, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timing.startTimeout)
	defer cancel()
	run, err := s.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       temporal.ChatWorkflowID(in.Ref()),
		TaskQueue:                temporal.QueueChat,
		WorkflowExecutionTimeout: chatLifetime,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		EnableEagerStart:         true,
	}, temporal.WorkflowAnswerMessage, in)
	if err != nil {
		return nil, chatUnavailable(err)
	}
	return run, nil
}

func chatUnavailable(err error) error {
	return &chatconnect.Error{
		Kind: chatconnect.KindUnavailable, Code: "chat_unavailable", RetryAfter: retryAfterOutage, Err: err,
		Message: "The chat is not available at this moment. Please try again.",
	}
}

// chatError says why a workflow's result could not be had.
func (s *Server) chatError(waiting context.Context, err error) error {
	switch {
	case errors.Is(waiting.Err(), context.DeadlineExceeded):
		return withStatus(http.StatusGatewayTimeout, (&chatconnect.Error{
			Kind: chatconnect.KindUnavailable, Code: "chat_timeout", RetryAfter: retryAfterOutage,
			Message: "The answer takes longer than expected. Repeat the request with the same messageId to get it.",
		}).Because(err))
	case workflowEnded(err):
		return errChatFailed.Because(err)
	}
	return chatUnavailable(err)
}

// workflowEnded reports whether err is the workflow's own end (failed,
// terminated, timed out) or its absence, rather than trouble in asking.
func workflowEnded(err error) bool {
	var execution *sdktemporal.WorkflowExecutionError
	var absent *serviceerror.NotFound
	return errors.As(err, &execution) || errors.As(err, &absent)
}

// questionLanguage is the language to tell a visitor about a failure in.
func questionLanguage(in temporal.ChatInput) language.Locale {
	return language.Of(in.Text, language.Context{Browser: language.Locale(in.Language)})
}

// resultError is the problem of an answer that failed. The code decides
// whether to try again soon (503) or whether the model refused (502). Of what
// Temporal itself ended, nobody has told the visitor in their language yet.
func resultError(result temporal.ChatResult, locale language.Locale) error {
	e := chatconnect.Errorf(chatconnect.KindUnavailable, result.ErrorCode, "%s", result.ErrorMessage)
	if e.Message == "" || e.Code == chatconnect.CodeInternal || e.Code == temporal.CodeTimeout {
		e.Message = replies.OfError(e.Code, locale)
	}
	switch code := result.ErrorCode; {
	case code == chatconnect.CodeInternal, code == errChatFailed.Code:
		e.Kind = chatconnect.KindInternal
		return e
	case code == temporal.CodeTimeout, strings.HasSuffix(code, "_unavailable"), strings.HasSuffix(code, "_rate_limited"):
		e.RetryAfter = retryAfterOutage
		return e
	case code == "budget_exhausted":
		return withStatus(http.StatusForbidden, e) // until the month ends or the owner raises it
	}
	return withStatus(http.StatusBadGateway, e)
}

// wholeAnswer fills in what an answer must always have.
func wholeAnswer(answer chatconnect.Answer, ref chatconnect.MessageRef) chatconnect.Answer {
	answer.MessageID, answer.SessionID, answer.Sources = ref.MessageID, ref.SessionID, notNil(answer.Sources)
	return answer
}
