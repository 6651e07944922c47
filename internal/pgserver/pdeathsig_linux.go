package pgserver

import "syscall"

// endWithParent has the kernel send signal to the child when we die. It is set
// after the change of user, which would reset it.
func endWithParent(attr *syscall.SysProcAttr, signal syscall.Signal) { attr.Pdeathsig = signal }
