//go:build !linux

package redistest

import "os/exec"

// dieWithParent does nothing where there are no parent-death signals: a killed
// test process leaves its server behind.
func dieWithParent(*exec.Cmd) {}
