package api

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// startSpan starts a request's span. With the internal secret the caller's
// trace goes on: it is one of the operator's services. Anybody else's is only
// linked: a stranger must neither choose the ids of our traces, nor have them
// sampled, nor put baggage into what we send to others.
func (s *Server) startSpan(r *http.Request, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	ctx := r.Context()
	theirs := otel.GetTextMapPropagator().Extract(ctx, propagation.HeaderCarrier(r.Header))
	if s.isInternalSecret(r.Header.Get(headerInternalSecret)) {
		return s.tracer.Start(theirs, name, options...)
	}
	options = append(options, trace.WithNewRoot())
	if parent := trace.SpanContextFromContext(theirs); parent.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: parent.WithTraceFlags(0)}))
	}
	return s.tracer.Start(ctx, name, options...)
}
