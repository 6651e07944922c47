// Command stackserver runs the embedded stack for the tests of the process
// that starts it. It is built without the race detector, which would make
// Temporal's server, and so all of those tests, several times slower.
//
//	stackserver [-temporary] HOME [NAME=value ...]
//
// It prints the settings of the running stack as JSON, and ends when its
// standard input does. Parts named by a setting are not started. With
// -temporary it first removes the state of killed processes beside HOME, and
// removes HOME when it ends.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/chatconnect/chatconnect/dev/stack"
)

// startTimeout and stopTimeout are for a busy machine.
const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 20 * time.Second
)

func main() {
	temporary := flag.Bool("temporary", false, "remove the state at the end")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: stackserver [-temporary] HOME [NAME=value ...]")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Args()[1:], *temporary); err != nil {
		fmt.Fprintln(os.Stderr, "stackserver:", err)
		os.Exit(1)
	}
}

func run(home string, environ []string, temporary bool) (err error) {
	if temporary {
		removeOrphans(home)
		defer func() { err = errors.Join(err, remove(home)) }()
	}
	starting, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	s, err := stack.Start(starting, stack.Options{Home: home, Environ: environ, WithoutUI: true, Unsafe: true})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(s.Settings()); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // the other process has ended when its end of the pipe has
	stopping, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return s.Stop(stopping)
}

// removeOrphans removes the state that killed processes left beside home. That
// of running ones is locked.
func removeOrphans(home string) {
	homes, _ := filepath.Glob(filepath.Join(filepath.Dir(home), "*")) // the pattern is well-formed
	for _, other := range homes {
		info, err := os.Stat(other)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < time.Minute {
			continue // may be about to be locked
		}
		_ = remove(other) // another process may do the same
	}
}

func remove(home string) error {
	if err := stack.Reset(home); err != nil {
		return err
	}
	return os.RemoveAll(home)
}
