package answerstream

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Recovered is what a message's record holds.
type Recovered struct {
	// Answer is whole if Done; else there is only the text since the last
	// restart.
	Answer chatconnect.Answer
	Status chatconnect.ChatStatus
	Done   bool // the answer was written to its good end
}

// Recover reads back what the relay holds of a message. An attempt whose
// worker died after the end need not be generated again; a message that was
// stopped between two attempts ends with the text that its readers have. A
// record that has lost its beginning, or ended in an error, holds nothing.
func Recover(ctx context.Context, relay chatconnect.Relay, message chatconnect.MessageRef) (Recovered, error) {
	events, err := relay.Events(ctx, message, 0)
	if err != nil {
		return Recovered{}, err
	}
	if len(events) == 0 || events[0].ID%chatconnect.AttemptSpan != 1 {
		return Recovered{}, nil // the beginning is missing
	}
	r := Recovered{Answer: chatconnect.Answer{MessageID: message.MessageID, SessionID: message.SessionID}}
	var text strings.Builder
	for _, e := range events {
		switch e.Type {
		case chatconnect.EventToken:
			var token chatconnect.TokenData
			if err := json.Unmarshal(e.Data, &token); err != nil {
				return Recovered{}, damaged(e, err)
			}
			text.WriteString(token.Text)
		case chatconnect.EventRestart:
			text.Reset()
		case chatconnect.EventError:
			return Recovered{}, nil
		case chatconnect.EventDone:
			var done chatconnect.DoneData
			if err := json.Unmarshal(e.Data, &done); err != nil {
				return Recovered{}, damaged(e, err)
			}
			r.Answer.Sources, r.Answer.Usage, r.Answer.Cached = done.Sources, done.Usage, done.Cached
			r.Status, r.Done = done.Status, true
		}
	}
	r.Answer.Text = text.String()
	return r, nil
}

func damaged(e chatconnect.RelayEvent, err error) error {
	return chatconnect.AsError(fmt.Errorf("answerstream: %s event %d: %w", e.Type, e.ID, err))
}
