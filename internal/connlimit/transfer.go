package connlimit

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// Timeouts bound how long one request may hold its connection while nothing
// but the peer is waited for.
type Timeouts struct {
	Body  time.Duration // until the whole body is there, unless the handler sets another read deadline
	Write time.Duration // for each part of the response
}

// writePart is how much of a response has one deadline.
const writePart = 32 << 10

// Bound sets the deadlines of every request before next sees it, also for
// bodies that no handler reads: net/http reads those to their end before it
// answers. Deadlines that pass look like a disconnect, so the one of a body
// goes as soon as the body has ended.
func Bound(next http.Handler, timeouts func() Timeouts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := timeouts()
		out := &response{ResponseWriter: w, rc: http.NewResponseController(w), timeout: t.Write}
		if r.Body != nil && r.Body != http.NoBody {
			// An error means a transport without deadlines (tests), here and below.
			_ = out.rc.SetReadDeadline(time.Now().Add(t.Body))
			copied := *r // net/http looks at the Body of its own request
			out.body = &body{ReadCloser: r.Body, rc: out.rc, until: time.Now().Add(t.Body)}
			copied.Body = out.body
			r = &copied
		}
		next.ServeHTTP(out, r)
		out.extend() // what is still buffered is written after this
	})
}

// body is a request's body with a read deadline.
type body struct {
	io.ReadCloser
	rc    *http.ResponseController
	until time.Time
	ended bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && !b.ended {
		b.ended = true
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

// response gives every write a deadline, so that a reader who stopped reading
// is let go, and a slow one is not.
type response struct {
	http.ResponseWriter
	rc       *http.ResponseController
	timeout  time.Duration
	body     *body // nil without one
	hijacked bool
}

// extend sets the deadline of the next write. The first one waits for what is
// left of the body.
func (r *response) extend() {
	if r.hijacked {
		return
	}
	from := time.Now()
	if r.body != nil && !r.body.ended && r.body.until.After(from) {
		from = r.body.until
	}
	_ = r.rc.SetWriteDeadline(from.Add(r.timeout))
}

func (r *response) Write(p []byte) (written int, err error) {
	for {
		part := p[:min(len(p), writePart)]
		r.extend()
		n, err := r.ResponseWriter.Write(part)
		written += n
		if p = p[n:]; err != nil || len(p) == 0 {
			return written, err
		}
	}
}

// FlushError is what http.ResponseController calls.
func (r *response) FlushError() error {
	r.extend()
	return r.rc.Flush()
}

// Flush implements http.Flusher.
func (r *response) Flush() { _ = r.FlushError() }

// Hijack implements http.Hijacker.
func (r *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := r.rc.Hijack()
	r.hijacked = err == nil
	return conn, rw, err
}

// Unwrap is for http.ResponseController.
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }
