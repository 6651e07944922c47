package redistest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// process is a redis-server on a unix socket: no port to collide on.
type process struct {
	binary, dir string

	mu  sync.Mutex
	cmd *exec.Cmd
}

func (p *process) socket() string { return filepath.Join(p.dir, "redis.sock") }

func (p *process) start(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var output bytes.Buffer
	cmd := exec.Command(p.binary, //nolint:noctx // it ends with this process, or by kill
		"--port", "0", "--unixsocket", p.socket(),
		"--dir", p.dir, "--save", "", "--appendonly", "no")
	cmd.Stdout, cmd.Stderr = &output, &output
	dieWithParent(cmd)
	if err := onLastingThread(cmd.Start); err != nil {
		t.Fatalf("redis-server: %v", err)
	}
	p.cmd = cmd
	t.Cleanup(func() {
		if t.Failed() {
			p.kill() // the buffer is not written to any more
			t.Logf("redis-server:\n%s", output.String())
		}
	})
	waitUntilUp(t, "unix", p.socket())
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// socketDir is a short temporary directory: a socket's path may have 107 bytes
// only, and t.TempDir contains the test's name.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// onLastingThread calls f on an operating system thread that lives as long as
// this process: a parent-death signal is sent when the thread that started the
// child ends, and Go may end any other.
func onLastingThread(f func() error) error {
	result := make(chan error)
	lastingThread() <- func() { result <- f() }
	return <-result
}

var lastingThread = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})
