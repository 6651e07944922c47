package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/internal/config"
)

// workerCommand is the argument with which the bench starts itself as a
// worker: only in a process of its own can its memory be measured.
const workerCommand = "worker"

const workerReady = "ready"

// runWorker is a worker by the settings of its environment.
func runWorker(ctx context.Context) error {
	settings, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	a, err := app.New(ctx, settings, app.Options{Roles: app.Roles{Worker: true}, Logger: logger})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	select {
	case <-a.Ready():
		fmt.Println(workerReady)
	case err := <-ended:
		return err
	}
	return <-ended
}

// workerProcess is a worker that runs.
type workerProcess struct{ command *exec.Cmd }

func startWorker(ctx context.Context, environ []string) (*workerProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &workerProcess{exec.CommandContext(ctx, self, workerCommand)}
	w.command.Env = environ
	w.command.Stderr = os.Stderr
	w.command.Cancel = func() error { return w.command.Process.Signal(os.Interrupt) }
	w.command.WaitDelay = 30 * time.Second
	output, err := w.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || line != workerReady+"\n" {
		return nil, errors.Join(fmt.Errorf("the worker did not start: %q", line), err, w.stop())
	}
	go func() { _, _ = io.Copy(io.Discard, output) }()
	return w, nil
}

func (w *workerProcess) pid() int { return w.command.Process.Pid }

// processorTime is what the worker and its children that have ended used up to
// now; 0 where the operating system does not tell (anything but Linux). Unlike
// the clock's it is hardly longer on a busy machine.
func (w *workerProcess) processorTime() time.Duration {
	const tick = time.Second / 100 // USER_HZ, the same on all architectures that Go knows
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.pid()))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	const first, count = 11, 4 // utime, stime, cutime, cstime
	var ticks int64
	for i := first; i < first+count && i < len(fields); i++ {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * tick
}

func (w *workerProcess) stop() error {
	if err := w.command.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return w.command.Wait()
}
