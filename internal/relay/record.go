package relay

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	chatconnect "github.com/chatconnect/chatconnect"
)

// page is how many recorded events one command reads.
const page = 512

// Events implements chatconnect.Relay.
func (r *Relay) Events(ctx context.Context, message chatconnect.MessageRef, after int64) ([]chatconnect.RelayEvent, error) {
	name, err := key(message)
	if err != nil {
		return nil, err
	}
	events := []chatconnect.RelayEvent{}
	for {
		some, more, err := r.read(ctx, name, after)
		if err != nil {
			return nil, err
		}
		events = append(events, some...)
		if !more {
			return events, nil
		}
		after = some[len(some)-1].ID
	}
}

// read returns a page of recorded events above after, and whether there may be
// more.
func (r *Relay) read(ctx context.Context, name string, after int64) (events []chatconnect.RelayEvent, more bool, err error) {
	call, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	// Entries are <id>-0, so <after>-1 is the first place behind after.
	start := strconv.FormatInt(max(after, 0), 10) + "-1"
	entries, err := r.o.Redis.XRangeN(call, name, start, "+", page).Result()
	if err != nil {
		return nil, false, unavailable(ctx, err)
	}
	events = make([]chatconnect.RelayEvent, 0, len(entries))
	for _, entry := range entries {
		e, err := decodeEntry(entry)
		if err != nil {
			return nil, false, chatconnect.AsError(err)
		}
		events = append(events, e)
	}
	return events, len(entries) == page, nil
}

func decodeEntry(entry redis.XMessage) (chatconnect.RelayEvent, error) {
	digits, _, _ := strings.Cut(entry.ID, "-")
	id, err := strconv.ParseInt(digits, 10, 64)
	kind, hasKind := entry.Values["t"].(string)
	data, hasData := entry.Values["d"].(string)
	if err != nil || !hasKind || !hasData {
		return chatconnect.RelayEvent{}, fmt.Errorf("relay: stream entry %s is not an event", entry.ID)
	}
	return chatconnect.RelayEvent{ID: id, Type: kind, Data: []byte(data)}, nil
}

// live is an event as delivered on the channel. prev is the id recorded right
// before it, 0 if it is the first; sent is in microseconds since 1970.
type live struct {
	prev, sent int64
	event      chatconnect.RelayEvent
}

// decodeLive parses "prev id sent type data", as publish.lua writes it.
func decodeLive(payload string) (live, error) {
	parts := strings.SplitN(payload, " ", 5)
	if len(parts) != 5 {
		return live{}, fmt.Errorf("relay: channel message of %d bytes is not an event", len(payload))
	}
	var numbers [3]int64
	for i := range numbers {
		n, err := strconv.ParseInt(parts[i], 10, 64)
		if err != nil {
			return live{}, fmt.Errorf("relay: channel message: %w", err)
		}
		numbers[i] = n
	}
	return live{
		prev:  numbers[0],
		sent:  numbers[2],
		event: chatconnect.RelayEvent{ID: numbers[1], Type: parts[3], Data: []byte(parts[4])},
	}, nil
}
