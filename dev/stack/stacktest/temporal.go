package stacktest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// startTemporal starts a Temporal server that ends with this process, with its
// state in dir, and returns its address. It is a process of its own so that
// the race detector watches our code and not the server's.
func startTemporal(dir string) (address string, err error) {
	program, err := Build("stack/stacktest/temporalserver")
	if err != nil {
		return "", err
	}
	command := exec.Command(program, dir)
	command.Stderr = os.Stderr
	// The server ends at the end of its input, which comes when this process
	// ends, however it ends. Nothing is ever written.
	if _, err := command.StdinPipe(); err != nil {
		return "", err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	address, err = bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("temporalserver has ended: %w", command.Wait())
	}
	// Waiting also keeps the pipes from being collected, and so the input open.
	go func() { fmt.Fprintln(os.Stderr, "temporalserver has ended:", command.Wait()) }()
	return strings.TrimSpace(address), nil
}
