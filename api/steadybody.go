package api

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// minBodyRate is the slowest sender that is waited for, in bytes a second:
// slower than any network that people still use.
const minBodyRate = 1 << 10

// steadyBody is a request body that may take its time as long as bytes keep
// coming, at minBodyRate or faster, up to a limit for the whole. Without it a
// body has timing.body in all.
type steadyBody struct {
	rc       *http.ResponseController
	body     io.ReadCloser
	stall    time.Duration
	began    time.Time
	whole    time.Duration
	received int64
}

// takeSteadily replaces the request's body by a steady one.
func (s *Server) takeSteadily(c *gin.Context, whole time.Duration) {
	c.Request.Body = &steadyBody{
		rc: http.NewResponseController(c.Writer), body: c.Request.Body,
		stall: s.timing.uploadStall, began: time.Now(), whole: whole,
	}
}

func (b *steadyBody) Read(p []byte) (int, error) {
	// An error means a transport without deadlines (tests).
	_ = b.rc.SetReadDeadline(b.deadline(time.Now()))
	n, err := b.body.Read(p)
	b.received += int64(n)
	return n, err
}

// deadline is when the next bytes must be there.
func (b *steadyBody) deadline(now time.Time) time.Time {
	earned := time.Duration(float64(b.received) / minBodyRate * float64(time.Second))
	deadline := now.Add(b.stall)
	for _, other := range []time.Time{b.began.Add(b.stall + earned), b.began.Add(b.whole)} {
		if other.Before(deadline) {
			deadline = other
		}
	}
	return deadline
}

func (b *steadyBody) Close() error { return b.body.Close() }
