package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

const headerRequestID = "X-Request-Id"

var saneRequestID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// newID returns a UUIDv7: unique, and sorted by time for the database.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// identifyRequest takes the caller's X-Request-Id when it is harmless, and
// makes one otherwise.
func (s *Server) identifyRequest(c *gin.Context) {
	id := c.GetHeader(headerRequestID)
	if !saneRequestID.MatchString(id) {
		id = newID()
	}
	c.Header(headerRequestID, id)
	c.Set(headerRequestID, id)
	c.Request = c.Request.WithContext(telemetry.WithRequestID(c.Request.Context(), id))
}

func requestID(c *gin.Context) string { return c.GetString(headerRequestID) }

// observeRequest makes the request's span and its access log line. Query
// strings are left out of both: they may hold what a visitor typed. Probes
// are neither traced nor logged above debug.
func (s *Server) observeRequest(c *gin.Context) {
	route := c.FullPath()
	level := slog.LevelInfo
	var span trace.Span
	switch route {
	case "/livez", "/readyz", "/health":
		level = slog.LevelDebug
	default:
		name := c.Request.Method
		if route != "" {
			name += " " + route
		}
		var ctx context.Context
		ctx, span = s.startSpan(c.Request, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", c.Request.Method),
			attribute.String("http.route", route),
		))
		defer span.End()
		c.Request = c.Request.WithContext(ctx)
	}
	start := time.Now()
	defer func() {
		status := c.Writer.Status()
		if span != nil {
			span.SetAttributes(attribute.Int("http.response.status_code", status))
			if status >= 500 {
				span.SetStatus(codes.Error, http.StatusText(status))
			}
		}
		s.Logger.Log(c.Request.Context(), level, "request",
			"method", c.Request.Method, "path", loggedPath(c.Request.URL.Path), "route", route, "status", status,
			"bytes", max(0, c.Writer.Size()), "duration_ms", float64(time.Since(start).Microseconds())/1000,
			"remote", c.ClientIP())
	}()
	c.Next()
}

// recoverPanic turns a panic into a problem. http.ErrAbortHandler is net/http's
// own way to drop a connection and passes through.
func (s *Server) recoverPanic(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		s.Logger.ErrorContext(c.Request.Context(), "panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		if c.Writer.Written() {
			// Half an answer must not look like a whole one.
			panic(http.ErrAbortHandler)
		}
		s.fail(c, fmt.Errorf("panic: %v", v))
	}()
	c.Next()
}

// secureHeaders are right for every JSON answer; pages set their own policy.
func (s *Server) secureHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	if s.overHTTPS() {
		h.Set("Strict-Transport-Security", hstsHeader)
	}
}

// refuseCrossOrigin guards the endpoints that a cookie opens.
func (s *Server) refuseCrossOrigin(c *gin.Context) {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		s.fail(c, chatconnect.Errorf(chatconnect.KindForbidden, "cross_origin",
			"Requests from other sites are not accepted here.").Because(err))
	}
}

func (s *Server) methodNotAllowed(c *gin.Context) {
	s.fail(c, withStatus(http.StatusMethodNotAllowed, chatconnect.Errorf(chatconnect.KindInvalid,
		"method_not_allowed", "%s is not possible here.", c.Request.Method)))
}
