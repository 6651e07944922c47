// Package develop is the command chatconnect-dev: the embedded stack, the app
// and a demo account, started together and stopped together. It is a package
// so that test binaries can be the command too: with the race detector, and
// without building a program of 200 MB twice.
package develop

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/chatconnect/chatconnect/dev/stack"
	"github.com/chatconnect/chatconnect/internal/document"
)

// Main is the command; it returns when all went well and ends the process
// otherwise. It must be called from the main goroutine.
func Main() {
	document.RunChildIfAsked() // the parser's sandbox re-executes this binary
	if err := run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "chatconnect-dev: "+explain(err))
		os.Exit(1)
	}
}

func run(args, environ []string, stdout, stderr io.Writer) error {
	options, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	if options.dieWithParent {
		if err := dieWithParent(); err != nil {
			return err
		}
	}
	if options.reset {
		if err := stack.Reset(options.home); err != nil {
			return err
		}
	}
	ctx, stop := untilSignal(stderr)
	defer stop()
	return develop(ctx, options, environ, stdout, stderr)
}

// doubled is how long after the first signal another one is taken for the
// same: make and timeout(1) pass a signal on to a process whose group has got
// it already.
const doubled = 500 * time.Millisecond

// untilSignal returns a context that ends with the first SIGINT or SIGTERM. A
// second one ends the process at once; its children die with it, and the state
// on disk is made for that.
func untilSignal(stderr io.Writer) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		fmt.Fprintln(stderr, "\nStopping; once more stops at once.")
		cancel()
		for first := time.Now(); time.Since(first) < doubled; {
			<-signals
		}
		os.Exit(130) // 128 + SIGINT, as shells count
	}()
	return ctx, cancel
}
