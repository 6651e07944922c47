// Package telemetry is logging, metrics and tracing: slog JSON lines that
// carry trace_id, request_id and client_id from the context, the Prometheus
// collectors of DESIGN §8, and OpenTelemetry set-up.
//
// It imports the domain only, and anything that serves requests or runs
// activities may import it.
package telemetry
