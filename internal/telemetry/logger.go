package telemetry

import (
	"io"
	"log/slog"
)

// NewLogger returns a logger of JSON lines whose records carry trace_id,
// request_id and client_id whenever the context does.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(contextHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})})
}
