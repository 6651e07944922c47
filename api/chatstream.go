package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/serviceerror"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language"
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
	q, err := s.acceptQuestion(c, true)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	defer q.place.GiveBack()
	if after > 0 {
		// Only what was asked before can have events that were read.
		if ended, err := s.findAnswer(c.Request.Context(), q.Ref(), after); err != nil {
			if errors.Is(err, errMessageUnknown) {
				err = errLastEventID
			}
			s.refuseChat(c, err)
			return
		} else if ended {
			c.Status(http.StatusNoContent)
			return
		}
	}
	// The relay replays what it recorded before the subscription, so the
	// workflow can start at the same moment: the model hears the question a
	// Redis round trip sooner.
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	reader := s.followRelay(ctx, q.Ref(), after)
	run, err := s.startAnswer(ctx, q.ChatInput)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	s.streamAnswer(c, &answerStream{ref: q.Ref(), run: run, reader: reader, last: after, place: q.place, locale: questionLanguage(q.ChatInput)})
}

// getChatStream re-attaches to an answer after a lost connection.
func (s *Server) getChatStream(c *gin.Context) {
	owner, message := keyOwner(c), c.Query("messageId")
	session, err := s.authorizeSession(c, c.Query("sessionId"))
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	if !chatconnect.ValidVisitorID(message) {
		s.refuseChat(c, invalidVisitorID("message_id_invalid", "messageId"))
		return
	}
	after, err := lastEventID(c)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	// A visitor with a bad connection re-attaches often: that isn't asking.
	place, err := s.admitStream(c, session, s.visitLimits(c, "attach", session))
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	defer place.GiveBack()
	ref := chatconnect.MessageRef{ClientID: owner.ClientID, SessionID: session, MessageID: chatconnect.MessageID(message)}
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	ended, err := s.findAnswer(ctx, ref, after)
	if err != nil {
		s.refuseChat(c, err)
		return
	}
	if ended {
		// The status that stops an EventSource from reconnecting.
		c.Status(http.StatusNoContent)
		return
	}
	run := s.Temporal.GetWorkflow(ctx, temporal.ChatWorkflowID(ref), "")
	s.streamAnswer(c, &answerStream{ref: ref, run: run, reader: s.followRelay(ctx, ref, after), last: after, place: place, locale: language.OfHeader(c.GetHeader("Accept-Language"))})
}

// findAnswer makes sure that there is an answer to attach to, and reports
// whether its reader has had all of it. The relay knows, or the workflow does.
//
// A record that does not reach the event after is no reason to refuse: Redis
// may have lost it, and a worker may be writing it anew, perhaps with fewer
// events. The reader gets the events above after, or a restart and the whole
// answer.
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
	return false, s.requireAnswer(ctx, ref)
}

// requireAnswer returns errMessageUnknown if the message has no workflow.
func (s *Server) requireAnswer(ctx context.Context, ref chatconnect.MessageRef) error {
	_, err := s.Temporal.DescribeWorkflowExecution(ctx, temporal.ChatWorkflowID(ref), "")
	var absent *serviceerror.NotFound
	switch {
	case errors.As(err, &absent):
		return errMessageUnknown.Because(err)
	case err != nil:
		return chatUnavailable(err)
	}
	return nil
}

var errLastEventID = chatconnect.Errorf(chatconnect.KindInvalid, "last_event_id_invalid",
	"Last-Event-ID is not the id of an event of this message. Leave it out to read from the beginning.")

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
		return 0, errLastEventID
	}
	return n, nil
}

// maxEventID leaves room above every id that a relay could have given, and
// stays exact in JavaScript.
const maxEventID = 1 << 52

// streamAnswer writes the answer to its end, to the reader's leaving or to
// the server's draining, whichever comes first. The answer itself goes on.
func (s *Server) streamAnswer(c *gin.Context, stream *answerStream) {
	stream.server, stream.resumed = s, stream.last > 0
	stream.out = newSSEWriter(c.Writer)
	c.Abort()
	if err := stream.out.open(); err != nil {
		return
	}
	if err := stream.write(c.Request.Context()); err != nil {
		s.Logger.DebugContext(c.Request.Context(), "reader of an answer is gone", "after", stream.last, "error", err)
	}
}
