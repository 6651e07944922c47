package stacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// server is a stack in a process of its own, which ends with this one.
type server struct {
	Settings map[string]string
	command  *exec.Cmd
	input    io.Closer
}

// startServer runs stackserver with these arguments until its stack is ready.
func startServer(arguments ...string) (*server, error) {
	program, err := Build("stack/stacktest/stackserver")
	if err != nil {
		return nil, err
	}
	s := &server{command: exec.CommandContext(context.Background(), program, arguments...)}
	s.command.Stderr = os.Stderr
	// The stack ends at the end of its input, which comes when this process
	// ends, however it ends. Nothing is ever written.
	if s.input, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(output).Decode(&s.Settings); err != nil {
		return nil, fmt.Errorf("stackserver has ended: %w", s.command.Wait())
	}
	return s, nil
}

// stop returns when the stack has stopped.
func (s *server) stop() error {
	_ = s.input.Close() // it can only be closed already
	return s.command.Wait()
}
