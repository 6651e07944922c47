package temporal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// errFatal marks what the server reported as fatal.
var errFatal = errors.New("fatal")

// logger gives the server an slog.Logger to write to. Where the server would
// end the whole process (Fatal), only the calling goroutine ends, and whoever
// runs the server learns of it through failed: the application around it gets
// to stop in order and to say why.
type logger struct {
	slog     *slog.Logger
	stopping *atomic.Bool
	failed   chan struct{}
	problem  *problem
}

type problem struct {
	once sync.Once
	err  error
}

var (
	_ log.Logger      = (*logger)(nil)
	_ log.WithLogger  = (*logger)(nil)
	_ log.SLogWrapper = (*logger)(nil)
)

func newLogger(l *slog.Logger) *logger {
	stopping := new(atomic.Bool)
	return &logger{
		slog:     slog.New(untilStopping{l.Handler(), stopping}),
		stopping: stopping, failed: make(chan struct{}), problem: &problem{},
	}
}

// untilStopping drops everything once the server stops: its services then
// complain about each other's disappearance, every time.
type untilStopping struct {
	slog.Handler
	stopping *atomic.Bool
}

func (h untilStopping) Enabled(ctx context.Context, level slog.Level) bool {
	return !h.stopping.Load() && h.Handler.Enabled(ctx, level)
}

func (h untilStopping) WithAttrs(attrs []slog.Attr) slog.Handler {
	return untilStopping{h.Handler.WithAttrs(attrs), h.stopping}
}

func (h untilStopping) WithGroup(name string) slog.Handler {
	return untilStopping{h.Handler.WithGroup(name), h.stopping}
}

// SLog lets the SDK workers inside the server log to the same place.
func (l *logger) SLog() *slog.Logger { return l.slog }

// With implements log.WithLogger.
func (l *logger) With(tags ...tag.Tag) log.Logger {
	with := *l
	with.slog = slog.New(l.slog.Handler().WithAttrs(attrs(tags)))
	return &with
}

func (l *logger) Debug(msg string, tags ...tag.Tag)  { l.log(slog.LevelDebug, msg, tags) }
func (l *logger) Info(msg string, tags ...tag.Tag)   { l.log(slog.LevelInfo, msg, tags) }
func (l *logger) Warn(msg string, tags ...tag.Tag)   { l.log(slog.LevelWarn, msg, tags) }
func (l *logger) Error(msg string, tags ...tag.Tag)  { l.log(slog.LevelError, msg, tags) }
func (l *logger) DPanic(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

// Panic panics, as the server's own logger does: it has recover handlers that
// count on it.
func (l *logger) Panic(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	panic("temporal: " + msg)
}

// Fatal does not return.
func (l *logger) Fatal(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	l.problem.once.Do(func() {
		l.problem.err = fmt.Errorf("%w: %s", errFatal, msg)
		for _, t := range tags {
			if cause, ok := t.Value().(string); ok && t.Key() == "error" {
				l.problem.err = fmt.Errorf("%w: %s: %s", errFatal, msg, cause)
			}
		}
		close(l.failed)
	})
	runtime.Goexit()
}

// failure is what Fatal was called with; only to be read after failed closed.
func (l *logger) failure() error { return l.problem.err }

func (l *logger) log(level slog.Level, msg string, tags []tag.Tag) {
	ctx := context.Background() // the server's logging interface carries none
	if l.slog.Enabled(ctx, level) {
		l.slog.LogAttrs(ctx, level, msg, attrs(tags)...)
	}
}

func attrs(tags []tag.Tag) []slog.Attr {
	attrs := make([]slog.Attr, len(tags))
	for i, t := range tags {
		attrs[i] = slog.Any(t.Key(), t.Value())
	}
	return attrs
}
