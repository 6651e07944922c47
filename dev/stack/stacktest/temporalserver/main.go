// Command temporalserver runs the embedded Temporal server for the tests of
// the process that starts it: built without the race detector, which would
// make the server, and so all of those tests, several times slower.
//
// Its argument is the state directory. It prints the server's address when
// that can be used, and ends when its standard input does.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/chatconnect/chatconnect/dev/temporal"
)

// startTimeout and stopTimeout are for a busy machine.
const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 20 * time.Second
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "temporalserver:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: temporalserver DIRECTORY")
	}
	starting, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	logger := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	server, err := temporal.Start(starting, temporal.Options{Dir: os.Args[1], UIPort: -1, Logger: logger})
	if err != nil {
		return err
	}
	fmt.Println(server.Address())
	_, _ = io.Copy(io.Discard, os.Stdin) // the end of the other process is an end, too
	stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return server.Stop(stopping)
}
