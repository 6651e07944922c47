package api

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Problem is the body of every error (RFC 9457), with a stable code.
type Problem struct {
	Type      string        `json:"type"` // "about:blank": code says it all
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail"`
	Code      string        `json:"code"`
	RequestID string        `json:"requestId"`
	Errors    []FileProblem `json:"errors,omitempty"` // of an upload: one for each refused file
}

// FileProblem says why one file of an upload was refused.
type FileProblem struct {
	Name    string `json:"name"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

var statusOfKind = map[chatconnect.Kind]int{
	chatconnect.KindInternal:        http.StatusInternalServerError,
	chatconnect.KindInvalid:         http.StatusBadRequest,
	chatconnect.KindUnauthenticated: http.StatusUnauthorized,
	chatconnect.KindForbidden:       http.StatusForbidden,
	chatconnect.KindNotFound:        http.StatusNotFound,
	chatconnect.KindConflict:        http.StatusConflict,
	chatconnect.KindTooLarge:        http.StatusRequestEntityTooLarge,
	chatconnect.KindUnsupported:     http.StatusUnsupportedMediaType,
	chatconnect.KindRateLimited:     http.StatusTooManyRequests,
	chatconnect.KindUnavailable:     http.StatusServiceUnavailable,
}

// statusError gives an error a status that its kind does not have: 405, 408,
// 502 and 504 mean something to HTTP only.
type statusError struct {
	status int
	err    *chatconnect.Error
}

func (e statusError) Error() string { return e.err.Error() }
func (e statusError) Unwrap() error { return e.err }

func withStatus(status int, err *chatconnect.Error) error {
	return statusError{status: status, err: err}
}

// fail is the only place that turns an error into a response: the visitor
// gets its code and sentence, the log its cause.
func (s *Server) fail(c *gin.Context, err error) { s.failFiles(c, err, nil) }

// failFiles is fail with the refused files of an upload.
func (s *Server) failFiles(c *gin.Context, err error, files []FileProblem) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		err = chatconnect.Errorf(chatconnect.KindTooLarge, "body_too_large", "The request is larger than %d bytes.", tooLarge.Limit).Because(err)
	}
	e := chatconnect.AsError(err)
	status := statusOfKind[e.Kind]
	var exact statusError
	if errors.As(err, &exact) {
		status = exact.status
	}
	if status == 0 {
		status = http.StatusInternalServerError
	}
	ctx := c.Request.Context()
	level := slog.LevelInfo
	if status >= 500 && ctx.Err() == nil {
		level = slog.LevelError
	}
	s.Logger.Log(ctx, level, "request failed", "code", e.Code, "status", status, "error", err)
	if c.Writer.Written() {
		c.Abort()
		return
	}
	retryAfter := e.RetryAfter
	if status == http.StatusServiceUnavailable && retryAfter == 0 {
		retryAfter = retryAfterOutage // a store's error knows no better
	}
	if retryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(max(1, int(math.Ceil(retryAfter.Seconds())))))
	}
	c.Header("Content-Type", "application/problem+json")
	c.Header("Cache-Control", "no-store")
	c.AbortWithStatusJSON(status, Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: e.Message, Code: e.Code, RequestID: requestID(c), Errors: files,
	})
}

// unavailable names a dependency's failure; an error that already has a
// meaning keeps it.
func unavailable(code, message string, err error) error {
	var known *chatconnect.Error
	if errors.As(err, &known) && known.Kind != chatconnect.KindInternal {
		return err
	}
	return &chatconnect.Error{
		Kind: chatconnect.KindUnavailable, Code: code, Message: message,
		RetryAfter: retryAfterOutage, Err: err,
	}
}
