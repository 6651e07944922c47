package api

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Quick makes the server's clocks fit for tests.
func (s *Server) Quick(change func(t *Timing)) {
	t := Timing{
		Silence: 50 * time.Millisecond, Grace: 20 * time.Millisecond, Heartbeat: time.Hour,
		UploadStall: s.timing.uploadStall, Ping: 50 * time.Millisecond, SlowReader: 50 * time.Millisecond,
		Resubscribe: 5 * time.Millisecond, StartTimeout: s.timing.startTimeout, Dependency: s.timing.dependency,
		Write: s.timing.write, Body: s.timing.body, DocumentWait: s.timing.documentWait,
	}
	if change != nil {
		change(&t)
	}
	s.timing.silence, s.timing.grace, s.timing.heartbeat = t.Silence, t.Grace, t.Heartbeat
	s.timing.uploadStall, s.timing.ping, s.timing.slowReader = t.UploadStall, t.Ping, t.SlowReader
	s.timing.resubscribe, s.timing.startTimeout, s.timing.dependency = t.Resubscribe, t.StartTimeout, t.Dependency
	s.timing.write, s.timing.body, s.timing.documentWait = t.Write, t.Body, t.DocumentWait
}

// Timing is what tests may change of timing.
type Timing struct {
	Silence, Grace, Heartbeat, UploadStall, Ping, SlowReader, Resubscribe, StartTimeout, Dependency, Write, Body, DocumentWait time.Duration
}

// SessionToken is the token of a client's session.
func (s *Server) SessionToken(client chatconnect.ClientID, session chatconnect.SessionID) string {
	return s.sessionTokens.of(client, session)
}

// StreamsPerSession is streamsPerSession.
const StreamsPerSession = streamsPerSession

// Routes lists what the router knows.
func (s *Server) Routes() gin.RoutesInfo { return s.router.Routes() }

// SessionCookie is the cookie's name.
const SessionCookie = sessionCookie

// Supersedes is supersedes.
var Supersedes = supersedes

// TakeEmbedMemory takes what a body of so many bytes takes, until it is called
// again.
func (s *Server) TakeEmbedMemory(ctx context.Context, client chatconnect.ClientID, bytes int64) (release func(), err error) {
	return s.embedPlaces.take(ctx, client, bytes)
}

// EmbedMemory is what requests of a client take.
func (s *Server) EmbedMemory(client chatconnect.ClientID) int64 {
	s.embedPlaces.mu.Lock()
	defer s.embedPlaces.mu.Unlock()
	return s.embedPlaces.byClient[client]
}

// Cell is cell.
func Cell(text string) string { return cell(text) }

// Trace has requests traced by a provider.
func (s *Server) Trace(provider trace.TracerProvider) { s.tracer = provider.Tracer("test") }
