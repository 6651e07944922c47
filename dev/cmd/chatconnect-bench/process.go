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

// The arguments with which the bench starts itself as one role of the product:
// only in a process of its own can its memory be measured.
const (
	workerCommand = "worker"
	apiCommand    = "api"
	serveCommand  = "serve" // both
)

const processReady = "ready "

// runRole is a process by the settings of its environment. Once it is ready it
// says so, with the API's URL.
func runRole(roles app.Roles) func(context.Context) error {
	return func(ctx context.Context) error {
		settings, err := config.Load(os.Environ())
		if err != nil {
			return err
		}
		logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
		a, err := app.New(ctx, settings, app.Options{Roles: roles, Migrate: roles.API, Logger: logger})
		if err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		select {
		case <-a.Ready():
			url := ""
			if roles.API {
				url = a.URL()
			}
			fmt.Println(processReady + url)
		case err := <-ended:
			return err
		}
		return <-ended
	}
}

// process is one that runs.
type process struct {
	command *exec.Cmd
	url     string // of an API
}

func startWorker(ctx context.Context, environ []string) (*process, error) {
	return startProcess(ctx, workerCommand, environ)
}

func startAPI(ctx context.Context, environ []string) (*process, error) {
	return startProcess(ctx, apiCommand, environ)
}

func startProcess(ctx context.Context, command string, environ []string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{command: exec.CommandContext(ctx, self, command)}
	p.command.Env = environ
	p.command.Stderr = os.Stderr
	p.command.Cancel = func() error { return p.command.Process.Signal(os.Interrupt) }
	p.command.WaitDelay = 30 * time.Second
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	url, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), processReady)
	if err != nil || !found {
		return nil, errors.Join(fmt.Errorf("the %s did not start: %q", command, line), err, p.stop())
	}
	p.url = url
	go func() { _, _ = io.Copy(io.Discard, output) }()
	return p, nil
}

func (p *process) pid() int { return p.command.Process.Pid }

// processorTime is what the process and its children that have ended used up to
// now; 0 where the operating system does not tell (anything but Linux). Unlike
// the clock's it is hardly longer on a busy machine.
func (p *process) processorTime() time.Duration {
	const tick = time.Second / 100 // USER_HZ, the same on all architectures that Go knows
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid()))
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

func (p *process) stop() error {
	if err := p.command.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.command.Wait()
}
