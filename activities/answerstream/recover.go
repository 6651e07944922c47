package answerstream

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Recover returns the answer that the relay holds for a message, if it was
// written to its good end: an attempt whose worker died after that need not be
// generated again. found is false if there is no answer, only a part, or one
// that ended in an error.
func Recover(ctx context.Context, relay chatconnect.Relay, message chatconnect.MessageRef) (answer chatconnect.Answer, found bool, err error) {
	events, err := relay.Events(ctx, message, 0)
	if err != nil {
		return chatconnect.Answer{}, false, err
	}
	if len(events) == 0 || events[0].ID%chatconnect.AttemptSpan != 1 {
		return chatconnect.Answer{}, false, nil // the beginning is missing
	}
	var text strings.Builder
	for _, e := range events {
		switch e.Type {
		case chatconnect.EventToken:
			var token chatconnect.TokenData
			if err := json.Unmarshal(e.Data, &token); err != nil {
				return chatconnect.Answer{}, false, damaged(e, err)
			}
			text.WriteString(token.Text)
		case chatconnect.EventRestart:
			text.Reset()
		case chatconnect.EventError:
			return chatconnect.Answer{}, false, nil
		case chatconnect.EventDone:
			var done chatconnect.DoneData
			if err := json.Unmarshal(e.Data, &done); err != nil {
				return chatconnect.Answer{}, false, damaged(e, err)
			}
			return chatconnect.Answer{
				MessageID: message.MessageID,
				SessionID: message.SessionID,
				Text:      text.String(),
				Sources:   done.Sources,
				Usage:     done.Usage,
				Cached:    done.Cached,
			}, true, nil
		}
	}
	return chatconnect.Answer{}, false, nil
}

func damaged(e chatconnect.RelayEvent, err error) error {
	return chatconnect.AsError(fmt.Errorf("answerstream: %s event %d: %w", e.Type, e.ID, err))
}
