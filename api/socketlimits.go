package api

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	// socketsPerSession is how many dashboards one login may have open: tabs,
	// and connections whose end has not been noticed yet.
	socketsPerSession = 12
	// socketsPerUser is how many one person may have open with all their logins.
	socketsPerUser = 40
	// closeGrace is how long a browser may take to confirm that a WebSocket
	// closes; then it is cut.
	closeGrace = 500 * time.Millisecond
)

var errTooManySockets = &chatconnect.Error{
	Kind: chatconnect.KindRateLimited, Code: "too_many_sockets", RetryAfter: 10 * time.Second,
	Message: "Too many dashboards of this account are open. Close one, or try again in a moment.",
}

// takeSocketPlaces takes what one WebSocket holds of its session's and its
// user's allowance.
func (s *Server) takeSocketPlaces(c *gin.Context, token string) (places, error) {
	return s.takePlaces(c, errTooManySockets,
		placeLimit{"sockets:session:" + hashKey(token), socketsPerSession},
		placeLimit{"sockets:user:" + string(userID(c)), socketsPerUser})
}

// watchSession ends the WebSocket as soon as its login has ended, whichever
// process ended it. Without Redis the next ping finds out.
func (w *eventWriter) watchSession(ctx context.Context) {
	s := w.server
	for ctx.Err() == nil {
		signals, err := s.Sessions.Watch(ctx, w.token)
		if err != nil {
			s.Logger.WarnContext(ctx, "watch login; asked at each ping meanwhile", "error", err)
			select {
			case <-time.After(s.timing.ping):
			case <-ctx.Done():
			}
			continue
		}
		// It may have ended before it was watched.
		for ended := false; !ended; {
			if ended, _ = w.loginEnded(ctx); ended {
				// A reader who doesn't read must not keep it open.
				time.AfterFunc(closeGrace, w.cut)
				return
			}
			select {
			case <-signals:
			case <-ctx.Done():
				return
			}
		}
	}
}

// loginEnded stops the writer if the login is no more, or another person's.
func (w *eventWriter) loginEnded(ctx context.Context) (bool, error) {
	user, err := w.server.sessionUser(ctx, w.token)
	if errors.Is(err, chatconnect.ErrUnauthenticated) || err == nil && user != w.user {
		w.stop(closeEnded, "login ended")
		return true, nil
	}
	return false, err
}
