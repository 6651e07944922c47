package relay

import (
	"context"
	"sync"

	chatconnect "github.com/chatconnect/chatconnect"
)

// stopChannel is one for all messages: a subscription for each answer would
// cost a round trip and is needed for hardly any.
const stopChannel = "chat:stop"

var _ chatconnect.StopSignals = (*Relay)(nil)

// stops are the answers that this process writes.
type stops struct {
	start sync.Once
	mu    sync.Mutex
	calls map[string]map[*func()]struct{} // by the message's key
}

// Stop implements chatconnect.StopSignals. An answer that this process writes
// is stopped without Redis.
func (r *Relay) Stop(ctx context.Context, message chatconnect.MessageRef) error {
	name, err := key(message)
	if err != nil {
		return err
	}
	if r.stops.call(name) {
		return nil
	}
	call, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	if err := r.o.Redis.Publish(call, stopChannel, name).Err(); err != nil {
		return unavailable(ctx, err)
	}
	return nil
}

// OnStop implements chatconnect.StopSignals. The first call subscribes to the
// signals of other processes, in the background.
func (r *Relay) OnStop(message chatconnect.MessageRef, stop func()) (forget func()) {
	name, err := key(message)
	if err != nil {
		return func() {}
	}
	r.stops.start.Do(func() {
		// The hub waits for Redis as long as it takes, and ends with the process.
		go func() { _, _ = r.o.Hub.Subscribe(context.Background(), stopChannel, &r.stops) }()
	})
	return r.stops.add(name, &stop)
}

func (s *stops) add(name string, stop *func()) (forget func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = make(map[string]map[*func()]struct{})
	}
	if s.calls[name] == nil {
		s.calls[name] = make(map[*func()]struct{})
	}
	s.calls[name][stop] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.calls[name], stop)
		if len(s.calls[name]) == 0 {
			delete(s.calls, name)
		}
	}
}

// call stops a message, and reports whether it is written here.
func (s *stops) call(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for stop := range s.calls[name] {
		(*stop)()
	}
	return len(s.calls[name]) > 0
}

// Message implements redisconn.Sink.
func (s *stops) Message(name string) { s.call(name) }

// Gap implements redisconn.Sink. What is missed is made good by Temporal.
func (*stops) Gap() {}
