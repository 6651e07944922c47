//go:build !linux

package document

import (
	"os"
	"os/exec"
)

func selfPath() (string, error) { return os.Executable() }

func confine(*exec.Cmd) {}

// applyLimits has nothing to apply here: the deadline, the caps on pages and
// text, the collector's soft limit and WebAssembly's memory limit remain.
func applyLimits(task) (limits, error) {
	return limits{
		InForce: "none of this operating system's",
		Lacking: "memory, processor time, open files, size of written files, end with the parent, priority",
	}, nil
}

// isOurs trusts the directory: who may write to it isn't known here.
func isOurs(os.FileInfo) bool { return true }

func killedBySignal(error) (killed, overCPU bool) { return false, false }
