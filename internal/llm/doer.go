package llm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Timeouts of a call. There is none for the whole: an answer may take its
// time as long as something keeps arriving, and the caller's context bounds it.
type Timeouts struct {
	Connect        time.Duration // TCP, and TLS again as long
	ResponseHeader time.Duration // request written to first header byte
	Idle           time.Duration // between two bytes of the body
}

// DefaultTimeouts suit hosted providers.
func DefaultTimeouts() Timeouts {
	return Timeouts{Connect: 5 * time.Second, ResponseHeader: 60 * time.Second, Idle: 30 * time.Second}
}

func (t Timeouts) withDefaults() Timeouts {
	d := DefaultTimeouts()
	if t.Connect > 0 {
		d.Connect = t.Connect
	}
	if t.ResponseHeader > 0 {
		d.ResponseHeader = t.ResponseHeader
	}
	if t.Idle > 0 {
		d.Idle = t.Idle
	}
	return d
}

// Caps on what is read from a provider.
const (
	maxErrorBody      = 64 << 10
	maxStreamBody     = 16 << 20
	maxEmbeddingsBody = 128 << 20
)

// Causes of an unavailable service that only a Doer sees.
var (
	errIdle     = errors.New("nothing arrived within the idle timeout")
	errTooLarge = errors.New("the response is over its size limit")
	errClosed   = errors.New("the response has been closed")
)

// Doer sends langchaingo's requests and makes its responses trustworthy. For
// chat it returns a body that carries only whole, known events, each on a
// line of less than 64 KB, and fails with a *chatconnect.Error when the
// provider reports an error inside the stream or ends it without its end
// marker. For embeddings it returns them in the order of the texts. Any
// answer but 200 is a *chatconnect.Error with an *APIError inside.
//
// It is safe for concurrent use and keeps connections open between calls.
type Doer struct {
	client *http.Client
	idle   time.Duration
	now    func() time.Time
}

// NewDoer returns a Doer. Zero timeouts take their defaults.
func NewDoer(timeouts Timeouts) *Doer {
	timeouts = timeouts.withDefaults()
	dialer := &net.Dialer{Timeout: timeouts.Connect, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   timeouts.Connect,
		ResponseHeaderTimeout: timeouts.ResponseHeader,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   128,
		IdleConnTimeout:       90 * time.Second,
	}
	return &Doer{
		client: &http.Client{
			Transport: transport,
			// A redirect would carry the x-api-key header to another host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		idle: timeouts.Idle,
		now:  time.Now,
	}
}

// CloseIdleConnections closes connections that no call is using.
func (d *Doer) CloseIdleConnections() { d.client.CloseIdleConnections() }

// Do implements the Doer of langchaingo's clients.
func (d *Doer) Do(req *http.Request) (*http.Response, error) {
	record := callFrom(req.Context())
	path := req.URL.Path
	if strings.HasSuffix(path, "/messages") {
		if err := splitSystem(req, record.systemStatic); err != nil {
			return nil, record.fail(final(CodeRejected, err))
		}
	}
	if record.withoutTemperature {
		if err := dropTemperature(req); err != nil {
			return nil, record.fail(final(CodeRejected, err))
		}
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	resp, err := d.client.Do(req.WithContext(ctx))
	if err != nil {
		cancel(nil)
		if ended := req.Context().Err(); ended != nil {
			return nil, record.fail(ended)
		}
		return nil, record.fail(unavailable(opaque(err)))
	}
	body := &idleBody{ctx: ctx, cancel: cancel, body: resp.Body, idle: d.idle}
	if resp.StatusCode != http.StatusOK {
		err := d.apiError(req, resp, body)
		_ = body.Close()
		return nil, record.fail(err)
	}
	switch {
	case strings.HasSuffix(path, "/chat/completions"):
		resp.Body = newStreamBody(body, openaiEvents{}, record)
	case strings.HasSuffix(path, "/messages"):
		resp.Body = newStreamBody(body, anthropicEvents{}, record)
	case strings.HasSuffix(path, "/embeddings"):
		ordered, err := orderEmbeddings(body, record)
		_ = body.Close()
		if err != nil {
			return nil, record.fail(err)
		}
		resp.Body = ordered
	default:
		_ = body.Close()
		return nil, record.fail(final(CodeRejected, fmt.Errorf("no such endpoint: %s", path)))
	}
	resp.ContentLength = -1
	resp.Header.Del("Content-Length")
	return resp, nil
}

func (d *Doer) apiError(req *http.Request, resp *http.Response, body io.Reader) error {
	// What can't be read of an error's body is only missing in the log.
	text, _ := io.ReadAll(io.LimitReader(body, maxErrorBody))
	if ended := req.Context().Err(); ended != nil {
		return ended
	}
	kind, code, message := parseErrorBody(text)
	for _, key := range []string{req.Header.Get("X-Api-Key"), strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")} {
		if key != "" {
			message = strings.ReplaceAll(message, key, "***")
		}
	}
	id := resp.Header.Get("X-Request-Id")
	if id == "" {
		id = resp.Header.Get("Request-Id")
	}
	return classify(&APIError{
		Status: resp.StatusCode, Type: kind, Code: code,
		Message: shorten(strings.ToValidUTF8(message, ""), 500), RequestID: id,
	}, retryAfter(resp.Header, d.now()))
}

// opaque keeps an error's text and hides its chain: a timeout of ours must
// not look like the caller's context.DeadlineExceeded, and langchaingo would
// replace it by a string.
func opaque(err error) error { return errors.New(err.Error()) }

// idleBody fails a read that waits longer than idle, and ends the request
// when it is closed.
type idleBody struct {
	ctx    context.Context //nolint:containedctx // it is the request's own
	cancel context.CancelCauseFunc
	body   io.ReadCloser
	idle   time.Duration
	once   sync.Once
}

func (b *idleBody) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.idle, func() { b.cancel(errIdle) })
	n, err := b.body.Read(p)
	timer.Stop()
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.ctx), errIdle) {
		err = errIdle
	}
	return n, err
}

func (b *idleBody) Close() error {
	var err error
	b.once.Do(func() {
		b.cancel(errClosed)
		err = b.body.Close()
	})
	return err
}

// drain reads a finished stream to its end, so that the connection can be
// used again, and closes it. It gives up after a second: then the connection
// is closed instead.
func (b *idleBody) drain() {
	timer := time.AfterFunc(time.Second, func() { b.cancel(errClosed) })
	defer timer.Stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(b.body, maxErrorBody))
	_ = b.Close()
}
