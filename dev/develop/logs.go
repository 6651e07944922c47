package develop

import (
	"context"
	"io"
	"log/slog"
	"math"

	"github.com/chatconnect/chatconnect/dev/stack"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

// logs writes everything to a file and warnings to the terminal too, where
// people look.
type logs struct {
	logger   *slog.Logger
	terminal *slog.LevelVar
	close    func() error
}

func openLogs(file string, level slog.Leveler, terminal io.Writer) (*logs, error) {
	f, err := stack.OpenLogFile(file)
	if err != nil {
		return nil, err
	}
	l := &logs{terminal: new(slog.LevelVar), close: f.Close}
	l.terminal.Set(slog.LevelWarn)
	l.logger = slog.New(slog.NewMultiHandler(
		telemetry.NewLogger(f, level).Handler(),
		slog.NewTextHandler(terminal, &slog.HandlerOptions{Level: l.terminal, ReplaceAttr: withoutTime}),
	))
	return l, nil
}

// quiet keeps the terminal clean from now on: what is cut off by a stop
// complains of it.
func (l *logs) quiet() { l.terminal.Set(slog.Level(math.MaxInt)) }

func withoutTime(groups []string, attr slog.Attr) slog.Attr {
	if len(groups) == 0 && attr.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return attr
}

// warn logs what went wrong without being worth an end.
func warn(ctx context.Context, logger *slog.Logger, message string, err error) {
	logger.WarnContext(ctx, message, "error", err)
}
