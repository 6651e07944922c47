package stacktest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// buildTimeout is for a first build, of a Temporal server on a slow machine.
const buildTimeout = 20 * time.Minute

// Build builds a command of the dev module, named by its directory there, and
// returns the program's path under bin/test. Go does nothing if it is up to
// date. The race detector is left out, whether or not the tests run with it.
func Build(command string) (program string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	module := filepath.Dir(strings.TrimSpace(string(output)))
	dir := filepath.Join(filepath.Dir(module), "bin", "test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	program = filepath.Join(dir, filepath.Base(command))
	// Test processes run side by side and want the same program.
	lock, err := os.OpenFile(program+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./"+command)
	build.Dir = module
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w: %s", command, err, output)
	}
	return program, nil
}
