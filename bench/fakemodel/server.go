package fakemodel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxBody bounds a request.
const maxBody = 64 << 20

// Request is one request as it arrived.
type Request struct {
	ID       int             `json:"id"` // from 1, over the server's life
	Endpoint string          `json:"endpoint"`
	Method   string          `json:"method"`
	Path     string          `json:"path"`
	Header   http.Header     `json:"header"`
	Body     json.RawMessage `json:"body"`
	Time     time.Time       `json:"time"`            // body read, before anything else; nanoseconds
	Fault    string          `json:"fault,omitempty"` // the kind of the one that strikes it
}

// Server is the fake. It is safe for concurrent use.
type Server struct {
	mux     *http.ServeMux
	capture int
	stopped chan struct{}
	stop    sync.Once

	mu       sync.Mutex
	random   *rand.Rand
	knobs    Knobs
	faults   []*armed
	total    int
	requests []Request
	hooks    map[int]func(Request)
	hookID   int
	arrived  chan struct{} // closed and replaced with every request
	turned   chan struct{} // closed and replaced when knobs are set
	cache    promptCache
}

// Option configures New.
type Option func(*Server)

// WithKnobs sets the first knobs.
func WithKnobs(k Knobs) Option { return func(s *Server) { s.knobs = k } }

// WithSeed makes the faults with a probability repeatable.
func WithSeed(seed uint64) Option {
	return func(s *Server) { s.random = rand.New(rand.NewPCG(seed, seed)) }
}

// WithCapture sets how many of the newest requests are kept; 0 keeps none.
// The default is 1,000.
func WithCapture(n int) Option { return func(s *Server) { s.capture = n } }

// New returns a server. It panics on knobs that can't be right.
func New(options ...Option) *Server {
	s := &Server{
		mux: http.NewServeMux(), capture: 1000, stopped: make(chan struct{}),
		random: rand.New(rand.NewPCG(1, 2)),
		hooks:  map[int]func(Request){}, arrived: make(chan struct{}), turned: make(chan struct{}),
	}
	for _, option := range options {
		option(s)
	}
	if err := s.Set(s.knobs); err != nil {
		panic("fakemodel: " + err.Error())
	}
	s.mux.HandleFunc("POST /v1/chat/completions", s.model(EndpointChat, s.chat))
	s.mux.HandleFunc("POST /v1/messages", s.model(EndpointMessages, s.messages))
	s.mux.HandleFunc("POST /v1/embeddings", s.model(EndpointEmbeddings, s.embeddings))
	s.mux.HandleFunc("GET /knobs", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Knobs()) })
	s.mux.HandleFunc("POST /knobs", s.postKnobs)
	s.mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Requests()) })
	s.mux.HandleFunc("DELETE /requests", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearRequests()
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close ends all hanging requests. Call it before closing the HTTP server,
// which waits for them.
func (s *Server) Close() { s.stop.Do(func() { close(s.stopped) }) }

// Knobs returns the knobs as they are set.
func (s *Server) Knobs() Knobs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.knobs
}

// Set replaces all knobs and arms their faults anew.
func (s *Server) Set(k Knobs) error {
	k = k.withDefaults()
	if err := k.validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.knobs, s.faults = k, arm(k.Faults, time.Now())
	s.goOn()
	return nil
}

// goOn ends all pauses. The caller holds the lock.
func (s *Server) goOn() {
	close(s.turned)
	s.turned = make(chan struct{})
}

// postKnobs changes the knobs that the body names and leaves the others.
func (s *Server) postKnobs(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = s.patch(body)
	}
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, s.Knobs())
}

func (s *Server) patch(body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.knobs
	var named map[string]json.RawMessage
	if err := json.Unmarshal(body, &named); err != nil {
		return err
	}
	_, newFaults := named["faults"]
	if newFaults {
		k.Faults = nil // or the decoder would write into the old ones
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&k); err != nil {
		return err
	}
	k = k.withDefaults()
	if err := k.validate(); err != nil {
		return err
	}
	s.knobs = k
	if newFaults {
		s.faults = arm(k.Faults, time.Now())
	}
	s.goOn()
	return nil
}

// OnRequest calls hook with every request on its arrival, before it is
// answered and on its own goroutine, until the returned function is called.
func (s *Server) OnRequest(hook func(Request)) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hookID++
	id := s.hookID
	s.hooks[id] = hook
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.hooks, id)
	}
}

// Requests returns the captured requests, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.requests...)
}

// ClearRequests forgets them.
func (s *Server) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// WaitRequests waits until n requests are captured and returns them.
func (s *Server) WaitRequests(ctx context.Context, n int) ([]Request, error) {
	for {
		s.mu.Lock()
		arrived, captured := s.arrived, append([]Request{}, s.requests...)
		s.mu.Unlock()
		if len(captured) >= n {
			return captured, nil
		}
		select {
		case <-ctx.Done():
			return captured, fmt.Errorf("%d of %d requests have arrived: %w", len(captured), n, ctx.Err())
		case <-arrived:
		}
	}
}

// exchange is one request being answered.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	body    []byte
	started time.Time
	knobs   Knobs
	fault   *Fault
	turned  <-chan struct{} // ends a pause
	stopped <-chan struct{}
}

func (s *Server) model(endpoint string, answer func(*exchange)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		now := time.Now()
		x := &exchange{w: w, r: r, body: body, started: now, stopped: s.stopped}
		if err != nil {
			x.fail(endpoint, http.StatusRequestEntityTooLarge, "request_too_large", err.Error(), 0)
			return
		}
		hooks, request := s.record(x, endpoint, now)
		for _, hook := range hooks {
			hook(request)
		}
		if !json.Valid(body) {
			x.fail(endpoint, http.StatusBadRequest, "invalid_request_error", "the body is not JSON", 0)
			return
		}
		if key := x.knobs.APIKey; key != "" && r.Header.Get("Authorization") != "Bearer "+key && r.Header.Get("X-Api-Key") != key {
			x.fail(endpoint, http.StatusUnauthorized, "authentication_error", "incorrect API key provided", 0)
			return
		}
		if x.failsAtOnce(endpoint) {
			return
		}
		answer(x)
	}
}

// record captures the request and takes the knobs that hold for it.
func (s *Server) record(x *exchange, endpoint string, now time.Time) ([]func(Request), Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	raw := json.RawMessage(x.body)
	if !json.Valid(raw) {
		raw, _ = json.Marshal(string(x.body))
	}
	request := Request{
		ID: s.total, Endpoint: endpoint, Method: x.r.Method, Path: x.r.URL.Path,
		Header: x.r.Header.Clone(), Body: raw, Time: now,
	}
	x.knobs, x.turned = s.knobs, s.turned
	if x.fault = strike(s.faults, endpoint, now, s.random.Float64()); x.fault != nil {
		request.Fault = x.fault.Kind
	}
	if s.capture > 0 {
		if len(s.requests) >= s.capture {
			s.requests = append([]Request{}, s.requests[len(s.requests)-s.capture+1:]...)
		}
		s.requests = append(s.requests, request)
	}
	close(s.arrived)
	s.arrived = make(chan struct{})
	hooks := make([]func(Request), 0, len(s.hooks))
	for hook := range maps.Values(s.hooks) {
		hooks = append(hooks, hook)
	}
	return hooks, request
}

// failsAtOnce answers the faults that come before any token.
func (x *exchange) failsAtOnce(endpoint string) bool {
	f := x.fault
	if f == nil {
		return false
	}
	retry := time.Duration(f.RetryAfter)
	switch f.Kind {
	case FaultRateLimit:
		x.fail(endpoint, http.StatusTooManyRequests, "rate_limit_error", "Rate limit reached. Secret provider text.", retry)
	case FaultServerError:
		x.fail(endpoint, http.StatusInternalServerError, "api_error", "Internal error. Secret provider text.", retry)
	case FaultContext:
		if endpoint == EndpointMessages {
			x.fail(endpoint, http.StatusBadRequest, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", 0)
		} else {
			x.fail(endpoint, http.StatusBadRequest, "context_length_exceeded", "This model's maximum context length is 128000 tokens.", 0)
		}
	case FaultStatus:
		x.fail(endpoint, f.Status, statusType(f.Status), http.StatusText(f.Status)+". Secret provider text.", retry)
	case FaultHang:
		if f.AfterTokens > 0 && endpoint != EndpointEmbeddings {
			return false
		}
		x.hang()
	case FaultPause:
		return f.AfterTokens == 0 && x.pause() != nil
	case FaultCut, FaultStreamError:
		if endpoint != EndpointEmbeddings && x.streams() {
			return false
		}
		panic(http.ErrAbortHandler) // without a stream, a cut is a connection closed
	}
	return true
}

func statusType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case 529:
		return "overloaded_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}

func (x *exchange) streams() bool {
	var request struct {
		Stream bool `json:"stream"`
	}
	return json.Unmarshal(x.body, &request) == nil && request.Stream
}

// fail writes an error in the endpoint's form.
func (x *exchange) fail(endpoint string, status int, kind, message string, retry time.Duration) {
	if retry > 0 {
		x.w.Header().Set("Retry-After", strconv.Itoa(int((retry+time.Second-1)/time.Second)))
		if endpoint != EndpointMessages && retry%time.Second != 0 {
			x.w.Header().Set("Retry-After-Ms", strconv.FormatInt(retry.Milliseconds(), 10))
		}
	}
	x.w.Header().Set("X-Request-Id", "req_fake")
	writeJSON(x.w, status, errorBody(endpoint, kind, message))
}

func errorBody(endpoint, kind, message string) any {
	if endpoint == EndpointMessages {
		return map[string]any{"type": "error", "error": map[string]string{"type": kind, "message": message}}
	}
	return map[string]any{"error": map[string]any{"type": kind, "code": kind, "message": message, "param": nil}}
}

var errGone = errors.New("the client has gone or the server is closing")

// wait sleeps until d after the request's arrival or the given time.
func (x *exchange) wait(until time.Time) error {
	d := time.Until(until)
	if d <= 0 {
		return x.r.Context().Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	return silent(x, timer.C)
}

// pause keeps silent until knobs are set.
func (x *exchange) pause() error { return silent(x, x.turned) }

// hang keeps silent until the client goes or the server closes.
func (x *exchange) hang() {
	_ = silent[struct{}](x, nil)
	panic(http.ErrAbortHandler)
}

// silent waits for end, or returns errGone.
func silent[T any](x *exchange, end <-chan T) error {
	select {
	case <-end:
		return nil
	case <-x.r.Context().Done():
	case <-x.stopped:
	}
	return errGone
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may have gone
}
