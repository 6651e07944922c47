package redisconn

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo sends go-redis's own log lines, which otherwise go to stderr as plain
// text, to logger at debug level: every failure they report is also returned
// to someone. go-redis has one logger for the whole process, so only main
// should call this, before any client exists.
func LogTo(logger *slog.Logger) { redis.SetLogger(printer{logger}) }

type printer struct{ logger *slog.Logger }

func (p printer) Printf(ctx context.Context, format string, v ...any) {
	if p.logger.Enabled(ctx, slog.LevelDebug) {
		p.logger.DebugContext(ctx, fmt.Sprintf(format, v...))
	}
}
