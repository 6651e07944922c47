package relay

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
)

//go:embed publish.lua
var publishSource string

var publishScript = redis.NewScript(publishSource)

// Publish implements chatconnect.Relay. Beyond the errors named there it
// returns KindTooLarge for an event above MaxEventBytes and for a record that
// is full, and KindUnavailable (relay_unavailable) if Redis does not answer;
// the events may then be recorded or not.
func (r *Relay) Publish(ctx context.Context, message chatconnect.MessageRef, events ...chatconnect.RelayEvent) error {
	name, err := key(message)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		return nil
	}
	args := make([]any, 0, 4+3*len(events))
	args = append(args, r.o.TTL.Milliseconds(), r.o.MaxEvents, chatconnect.AttemptSpan, time.Now().UnixMicro())
	last := int64(0)
	for _, e := range events {
		if err := check(e, last); err != nil {
			return err
		}
		last = e.ID
		args = append(args, e.ID, e.Type, e.Data)
	}

	call, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	outcome, err := publishScript.Run(call, r.o.Redis, []string{name}, args...).Text()
	if err != nil {
		return unavailable(ctx, err)
	}
	switch outcome {
	case "ok":
		return nil
	case "fenced":
		return chatconnect.ErrRelayFenced
	case "incomplete":
		return chatconnect.ErrRelayIncomplete
	case "full":
		return chatconnect.Errorf(chatconnect.KindTooLarge, "relay_full", "The answer has too many parts.")
	default:
		return chatconnect.AsError(fmt.Errorf("relay: publish.lua returned %q", outcome))
	}
}

// check refuses events that no reader could make sense of.
func check(e chatconnect.RelayEvent, last int64) error {
	switch {
	case e.ID <= last:
		return chatconnect.AsError(fmt.Errorf("relay: event id %d after %d", e.ID, last))
	case last > 0 && e.ID != last+1 && !firstOfAttempt(e.ID):
		return chatconnect.AsError(fmt.Errorf("relay: event id %d leaves a hole after %d", e.ID, last))
	case e.Type == "" || strings.ContainsRune(e.Type, ' '):
		return chatconnect.AsError(fmt.Errorf("relay: event type %q", e.Type))
	case len(e.Data) > MaxEventBytes:
		return chatconnect.Errorf(chatconnect.KindTooLarge, "relay_event_too_large", "A part of the answer is too large.")
	}
	return nil
}

func firstOfAttempt(id int64) bool { return id%chatconnect.AttemptSpan == 1 }
