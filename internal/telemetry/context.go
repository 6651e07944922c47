package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	chatconnect "github.com/chatconnect/chatconnect"
)

type contextKey int

const (
	clientKey contextKey = iota
	requestKey
)

// WithClientID makes every log line under ctx carry client_id.
func WithClientID(ctx context.Context, id chatconnect.ClientID) context.Context {
	return context.WithValue(ctx, clientKey, id)
}

// WithRequestID makes every log line under ctx carry request_id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey, id)
}

// contextHandler adds what the context knows to each record.
type contextHandler struct{ slog.Handler }

func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	if id, ok := ctx.Value(requestKey).(string); ok {
		r.AddAttrs(slog.String("request_id", id))
	}
	if id, ok := ctx.Value(clientKey).(chatconnect.ClientID); ok {
		r.AddAttrs(slog.String("client_id", string(id)))
	}
	return h.Handler.Handle(ctx, r)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
