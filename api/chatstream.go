package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// postChatStream answers as server-sent events. With a messageId that was
// asked before it attaches to that answer, from its beginning or from after
// Last-Event-ID.
func (s *Server) postChatStream(c *gin.Context) {
	after, err := lastEventID(c)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	in, err := s.acceptQuestion(c)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	// The relay replays what it recorded before the subscription, so the
	// workflow can start at the same moment: the model hears the question a
	// Redis round trip sooner.
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	reader := s.followRelay(ctx, in.Ref(), after)
	run, err := s.startAnswer(ctx, in)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	s.streamAnswer(c, in.Ref(), run, reader, after)
}

// getChatStream re-attaches to an answer after a lost connection.
func (s *Server) getChatStream(c *gin.Context) {
	owner, session, message := keyOwner(c), c.Query("sessionId"), c.Query("messageId")
	if !chatconnect.ValidVisitorID(session) {
		s.fail(c, invalidVisitorID("session_id_invalid", "sessionId"))
		return
	}
	if !chatconnect.ValidVisitorID(message) {
		s.fail(c, invalidVisitorID("message_id_invalid", "messageId"))
		return
	}
	after, err := lastEventID(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	// A visitor with a bad connection re-attaches often: that isn't asking.
	if err := s.throttle(c, string(owner.ClientID)+":attach:session:"+session, chatLimit(owner.Tier)); err != nil {
		s.fail(c, err)
		return
	}
	ref := chatconnect.MessageRef{ClientID: owner.ClientID, SessionID: chatconnect.SessionID(session), MessageID: chatconnect.MessageID(message)}
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	ended, err := s.findAnswer(ctx, ref, after)
	if err != nil {
		s.fail(c, err)
		return
	}
	if ended {
		// The status that stops an EventSource from reconnecting.
		c.Status(http.StatusNoContent)
		return
	}
	run := s.Temporal.GetWorkflow(ctx, temporal.ChatWorkflowID(ref), "")
	s.streamAnswer(c, ref, run, s.followRelay(ctx, ref, after), after)
}

// findAnswer makes sure that there is an answer to attach to, and reports
// whether the reader has had all of it: the relay knows, or the workflow.
func (s *Server) findAnswer(ctx context.Context, ref chatconnect.MessageRef, after int64) (ended bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.dependency)
	defer cancel()
	events, err := s.Relay.Events(ctx, ref, max(0, after-1))
	if err != nil {
		s.Logger.WarnContext(ctx, "relay is not readable", "error", err)
	}
	if len(events) > 0 {
		first := events[0]
		return first.ID == after && first.Terminal(), nil
	}
	_, err = s.Temporal.DescribeWorkflowExecution(ctx, temporal.ChatWorkflowID(ref), "")
	var absent *serviceerror.NotFound
	switch {
	case errors.As(err, &absent):
		return false, chatconnect.Errorf(chatconnect.KindNotFound, "message_not_found", "There is no such message, or it is too old.").Because(err)
	case err != nil:
		return false, chatUnavailable(err)
	}
	return false, nil
}

// lastEventID reads where a reader left off: 0 for the beginning.
func lastEventID(c *gin.Context) (int64, error) {
	id := c.GetHeader("Last-Event-ID")
	if id == "" {
		id = c.Query("lastEventId")
	}
	if id == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 0 || n > maxEventID {
		return 0, chatconnect.Errorf(chatconnect.KindInvalid, "last_event_id_invalid", "Last-Event-ID is the id of an event of this message.")
	}
	return n, nil
}

// maxEventID leaves room above every id that a relay could have given, and
// stays exact in JavaScript.
const maxEventID = 1 << 52

// streamAnswer writes the answer to its end, to the reader's leaving or to
// the server's draining, whichever comes first. The answer itself goes on.
func (s *Server) streamAnswer(c *gin.Context, ref chatconnect.MessageRef, run client.WorkflowRun, reader *relayReader, after int64) {
	stream := &answerStream{
		server: s, ref: ref, run: run, reader: reader,
		out: newSSEWriter(c.Writer, s.timing.write), last: after, resumed: after > 0,
	}
	c.Abort()
	if err := stream.out.open(); err != nil {
		return
	}
	if err := stream.write(c.Request.Context()); err != nil {
		s.Logger.DebugContext(c.Request.Context(), "reader of an answer is gone", "after", stream.last, "error", err)
	}
}
