package api

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/language/replies"
	"github.com/chatconnect/chatconnect/temporal"
)

// answerStream writes one answer to one reader. Its events come from the
// relay; when that is silent or gone, the workflow's result is asked for too
// and what the reader still lacks is written from it.
type answerStream struct {
	server *Server
	ref    chatconnect.MessageRef
	run    client.WorkflowRun
	reader *relayReader
	out    *sseWriter
	place  chatconnect.Place // of the session's streams
	locale language.Locale   // of what the reader is told of a failure

	last    int64           // id of the last event the reader has
	resumed bool            // the reader has text from before this stream
	text    strings.Builder // what this stream sent since the last restart
	sources bool            // sources were sent since then
}

type outcome struct {
	result temporal.ChatResult
	err    error
}

// write returns nil after a terminal event or the call to reconnect, and an
// error when the reader is gone.
func (a *answerStream) write(ctx context.Context) error {
	timing := a.server.timing
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	heartbeat := time.NewTicker(timing.heartbeat)
	defer heartbeat.Stop()
	silence := time.NewTimer(timing.silence)
	defer silence.Stop()
	grace := time.NewTimer(timing.grace)
	grace.Stop()
	defer grace.Stop()

	events := a.reader.events
	var watched chan outcome // set while the result is being waited for
	var ended *outcome       // set once it is known
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()

		case event, open := <-events:
			if !open {
				// Without a terminal event this means that ctx ended.
				events = nil
				continue
			}
			terminal, err := a.relayed(event)
			if err != nil || terminal {
				return err
			}
			if watched == nil && ended == nil {
				silence.Reset(timing.silence)
			}

		case <-silence.C:
			if watched == nil && ended == nil {
				watched = a.watch(ctx)
			}

		case <-a.reader.trouble:
			if watched == nil && ended == nil {
				watched = a.watch(ctx)
			}

		case o := <-watched:
			watched = nil
			if o.err != nil && !workflowEnded(o.err) {
				// Temporal could not be asked: the relay may still deliver.
				a.server.Logger.WarnContext(ctx, "result of an answer", "error", o.err)
				silence.Reset(timing.silence)
				continue
			}
			// The worker writes to the relay first and ends the workflow then:
			// what the relay has, it delivers within this time, as a rule.
			ended = &o
			grace.Reset(timing.grace)

		case <-grace.C:
			if told, err := a.catchUp(ctx); told || err != nil {
				return err
			}
			return a.finish(ctx, *ended)

		case <-heartbeat.C:
			a.out.comment("keep-alive")
			if err := a.out.flush(); err != nil {
				return err
			}
			a.place.Renew(ctx)

		case <-a.server.draining:
			a.out.event(0, "reconnect", []byte("{}"))
			return a.out.flush()
		}
	}
}

// watch waits for the workflow's result beside the relay.
func (a *answerStream) watch(ctx context.Context) chan outcome {
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		o.err = a.run.Get(ctx, &o.result)
		done <- o
	}()
	return done
}

// maxWrite is about how many bytes are gathered for one write.
const maxWrite = 64 << 10

// relayed writes an event and those that are waiting behind it, in one write.
func (a *answerStream) relayed(event chatconnect.RelayEvent) (terminal bool, err error) {
	for {
		if event.ID > a.last {
			a.note(event)
			a.out.event(event.ID, event.Type, event.Data)
			a.last = event.ID
		}
		if event.Terminal() {
			return true, a.out.flush()
		}
		if a.out.buffer.Len() >= maxWrite {
			return false, a.out.flush()
		}
		select {
		case next, open := <-a.reader.events:
			if open {
				event = next
				continue
			}
		default:
		}
		return false, a.out.flush()
	}
}

// note keeps track of what the reader has.
func (a *answerStream) note(event chatconnect.RelayEvent) {
	switch event.Type {
	case chatconnect.EventRestart:
		a.text.Reset()
		a.sources, a.resumed = false, false
	case chatconnect.EventToken:
		var token chatconnect.TokenData
		if json.Unmarshal(event.Data, &token) == nil {
			a.text.WriteString(token.Text)
		}
	case chatconnect.EventSources:
		a.sources = true
	}
}

// catchUp writes the answer's end as the relay has recorded it, and reports
// whether it has: it may only have been slow to come here. A reader is told to
// start over for nothing less than a lost one.
func (a *answerStream) catchUp(ctx context.Context) (told bool, err error) {
	asking, cancel := context.WithTimeout(ctx, a.server.timing.grace)
	defer cancel()
	events, err := a.server.Relay.Events(asking, a.ref, a.last)
	if err != nil || len(events) == 0 || !events[len(events)-1].Terminal() {
		return false, ctx.Err()
	}
	for _, event := range events {
		if told, err = a.relayed(event); told || err != nil {
			break
		}
	}
	return told, err
}

// finish writes from the workflow's result what the relay failed to deliver.
// A reader with another text, or one whose text isn't known here, is told to
// start over: nothing is ever shown twice.
func (a *answerStream) finish(ctx context.Context, o outcome) error {
	a.server.Logger.WarnContext(ctx, "answer finished from the workflow's result", "after", a.last, "error", o.err)
	answer := wholeAnswer(o.result.Answer, a.ref)
	switch {
	case o.err != nil:
		a.emit(chatconnect.EventError, chatconnect.ErrorData{Code: errChatFailed.Code, Message: replies.OfError(errChatFailed.Code, a.locale)})
	case o.result.ErrorCode != "":
		e := chatconnect.AsError(resultError(o.result, a.locale))
		a.emit(chatconnect.EventError, chatconnect.ErrorData{Code: e.Code, Message: e.Message})
	default:
		if a.resumed || a.text.String() != answer.Text {
			if a.resumed || a.text.Len() > 0 {
				// Ids of a next attempt: above all that the relay can still give.
				attempt := a.last/chatconnect.AttemptSpan + 2
				a.last = (attempt - 1) * chatconnect.AttemptSpan
				a.emit(chatconnect.EventRestart, chatconnect.RestartData{Attempt: attempt})
				a.sources = false
			}
			a.emit(chatconnect.EventToken, chatconnect.TokenData{Text: answer.Text})
		}
		if !a.sources {
			a.emit(chatconnect.EventSources, answer.Sources)
		}
		a.emit(chatconnect.EventDone, chatconnect.DoneData{
			MessageID: a.ref.MessageID, SessionID: a.ref.SessionID, Status: answerStatus(o.result),
			Usage: answer.Usage, Sources: answer.Sources, Cached: answer.Cached,
		})
	}
	return a.out.flush()
}

func (a *answerStream) emit(name string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		body = []byte("{}") // none of the types above can fail
	}
	a.last++
	a.out.event(a.last, name, body)
}
