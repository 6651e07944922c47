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
	Type      string `json:"type"` // "about:blank": code says it all
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"requestId"`
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

// fail is the only place that turns an error into a response: the visitor
// gets its code and sentence, the log its cause.
func (s *Server) fail(c *gin.Context, err error) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		err = chatconnect.Errorf(chatconnect.KindTooLarge, "body_too_large", "The request is larger than %d bytes.", tooLarge.Limit).Because(err)
	}
	e := chatconnect.AsError(err)
	status := statusOfKind[e.Kind]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	s.Logger.Log(c.Request.Context(), level, "request failed", "code", e.Code, "status", status, "error", err)
	if e.RetryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	c.Header("Content-Type", "application/problem+json")
	c.Header("Cache-Control", "no-store")
	c.AbortWithStatusJSON(status, Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: e.Message, Code: e.Code, RequestID: requestID(c),
	})
}
