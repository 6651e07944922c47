package sessions

import (
	"context"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// subscribeTimeout is how long Redis may take to confirm a subscription.
const subscribeTimeout = 3 * time.Second

// Watch implements chatconnect.LoginSessions: it follows the session's channel,
// on which Delete publishes.
func (s *Store) Watch(ctx context.Context, token string) (<-chan struct{}, error) {
	if !wellFormed(token) {
		return nil, chatconnect.ErrUnauthenticated
	}
	w := watcher(make(chan struct{}, 1))
	wait, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	leave, err := s.o.Hub.Subscribe(wait, endChannel(s.key(token)), w)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	context.AfterFunc(ctx, leave)
	return w, nil
}

func endChannel(key string) string { return key + ":end" }

// watcher holds one signal at most: two say no more than one.
type watcher chan struct{}

// Message implements redisconn.Sink.
func (w watcher) Message(string) { w.Gap() }

// Gap implements redisconn.Sink: the end may have been missed.
func (w watcher) Gap() {
	select {
	case w <- struct{}{}:
	default:
	}
}
