//go:build unix && !linux

package pgserver

import "syscall"

// endWithParent does nothing: only Linux has a parent-death signal.
func endWithParent(*syscall.SysProcAttr, syscall.Signal) {}
