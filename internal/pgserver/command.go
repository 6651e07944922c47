//go:build unix

package pgserver

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// child is a process of PostgreSQL that ends with us.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, once done is closed
}

// startChild starts a program of PostgreSQL as the account, with output to a
// file, which unlike a pipe is still there after we are gone.
//
// The kernel sends the parent-death signal when the thread that forked the
// child ends, not the process; so the goroutine keeps its thread to itself for
// as long as the child lives.
func startChild(account account, output *os.File, dir, program string, args ...string) (*child, error) {
	cmd := exec.Command(program, args...) //nolint:noctx // it ends with this process, or by stop
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = childEnvironment(dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: account.credential(),
		Setpgid:    true, // Ctrl-C in the terminal is for us; we stop the server in turn
	}
	endWithParent(cmd.SysProcAttr, syscall.SIGINT)

	c := &child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		c.err = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return c, nil
}

// childEnvironment is short, so that no PG… variable of ours steers the server.
func childEnvironment(home string) []string {
	env := []string{"HOME=" + home, "LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
