package answerstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

var message = chatconnect.MessageRef{ClientID: "c", SessionID: "s", MessageID: "m"}

var errDown = chatconnect.Errorf(chatconnect.KindUnavailable, "relay_unavailable", "down")

// memory is a relay in memory that keeps the contract of chatconnect.Relay and
// fails as told.
type memory struct {
	mu      sync.Mutex
	record  []chatconnect.RelayEvent
	arrived []time.Time // of each event in record
	calls   int

	// fault is asked before each call of Publish: what to do with it.
	fault func(call int) fault
}

type fault int

const (
	works    fault = iota
	refuses        // fails at once, nothing is recorded
	hangs          // fails when the call's context ends, nothing is recorded
	loses          // is recorded, but the answer is lost
	forgets        // Redis has restarted empty
	forgets1       // a stale replica took over: the last event is gone
)

func (m *memory) Publish(ctx context.Context, _ chatconnect.MessageRef, events ...chatconnect.RelayEvent) error {
	m.mu.Lock()
	m.calls++
	f := works
	if m.fault != nil {
		f = m.fault(m.calls)
	}
	m.mu.Unlock()
	switch f {
	case refuses:
		return errDown
	case hangs:
		<-ctx.Done()
		return errDown.Because(ctx.Err())
	case forgets:
		m.keep(0)
	case forgets1:
		m.keep(max(0, m.len()-1))
	}
	err := m.append(events)
	if err == nil && f == loses {
		return errDown
	}
	return err
}

func (m *memory) append(events []chatconnect.RelayEvent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := int64(0)
	if n := len(m.record); n > 0 {
		last = m.record[n-1].ID
	}
	for i, e := range events {
		if e.ID <= last && i == 0 {
			return chatconnect.ErrRelayFenced
		}
		if e.ID != last+1 && e.ID%chatconnect.AttemptSpan != 1 {
			if i > 0 {
				return errors.New("hole within a batch")
			}
			return chatconnect.ErrRelayIncomplete
		}
		last = e.ID
	}
	for _, e := range events {
		m.record = append(m.record, e)
		m.arrived = append(m.arrived, time.Now())
	}
	return nil
}

func (m *memory) keep(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record, m.arrived = m.record[:n], m.arrived[:n]
}

func (m *memory) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.record)
}

func (m *memory) Events(_ context.Context, _ chatconnect.MessageRef, after int64) ([]chatconnect.RelayEvent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var events []chatconnect.RelayEvent
	for _, e := range m.record {
		if e.ID > after {
			events = append(events, e)
		}
	}
	return events, nil
}

func (m *memory) Subscribe(context.Context, chatconnect.MessageRef, int64) (chatconnect.Subscription, error) {
	return nil, errors.New("not used here")
}

// types lists the record's event types; text is what its tokens add up to
// since the last restart.
func (m *memory) types() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var types []string
	for _, e := range m.record {
		types = append(types, e.Type)
	}
	return strings.Join(types, " ")
}

func (m *memory) text(t *testing.T) string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var text strings.Builder
	for _, e := range m.record {
		switch e.Type {
		case chatconnect.EventRestart:
			text.Reset()
		case chatconnect.EventToken:
			var data struct{ Text string }
			require.NoError(t, json.Unmarshal(e.Data, &data))
			text.WriteString(data.Text)
		}
	}
	return text.String()
}
