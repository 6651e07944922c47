package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// TestStrangersTracesAreLinked: who sends a traceparent is told apart from who
// may continue one.
func TestStrangersTracesAreLinked(t *testing.T) {
	t.Parallel()
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	const theirs, sampled = "4bf92f3577b34da6a3ce929d0e0e4736", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, test := range map[string]struct {
		secret    string
		continued bool
	}{
		"a visitor":            {"", false},
		"a guess":              {"internal secre", false},
		"an operator's server": {"internal secret", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			recorder := tracetest.NewSpanRecorder()
			// As in production, but that roots are not sampled: only the caller's flag could have it done.
			b.server.Trace(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder), sdktrace.WithSampler(sdktrace.ParentBased(recordOnly{}))))
			who := b.browser().with("traceparent", sampled).with("baggage", "tenant=mine")
			if test.secret != "" {
				who = who.with("X-Internal-Secret", test.secret)
			}
			who.get("/nowhere").problem(t, 404, "not_found")
			spans := recorder.Ended()
			require.Len(t, spans, 1)
			span := spans[0].SpanContext()
			require.Equal(t, test.continued, span.TraceID().String() == theirs)
			require.Equal(t, test.continued, span.IsSampled())
			require.Equal(t, test.continued, spans[0].Parent().IsValid())
			if test.continued {
				require.Empty(t, spans[0].Links())
				return
			}
			require.Len(t, spans[0].Links(), 1)
			require.Equal(t, theirs, spans[0].Links()[0].SpanContext.TraceID().String())
		})
	}
}

// recordOnly records spans for the test, and samples none.
type recordOnly struct{}

func (recordOnly) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.RecordOnly}
}

func (recordOnly) Description() string { return "recordOnly" }
