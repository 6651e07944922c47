package document

import (
	"errors"
	"fmt"
	"os"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// allowedCalls are the system calls that Go's runtime and the readers make
// once everything is open. No call is among them that opens a file or a
// socket, starts a program or concerns another process. Names that an
// architecture does not have are left out.
var allowedCalls = []string{
	// Memory.
	"brk", "madvise", "mincore", "mmap", "mprotect", "mremap", "munmap",
	// Files that are open: the document, the result, the standard three.
	"close", "fstat", "lseek", "pread64", "read", "readv", "write", "writev",
	// Waiting.
	"clock_nanosleep", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "futex", "nanosleep", "poll", "ppoll", "restart_syscall", "sched_yield",
	// Time and randomness.
	"clock_getres", "clock_gettime", "getrandom", "gettimeofday", "time",
	// Threads and signals of its own.
	"exit", "exit_group", "getpid", "gettid", "membarrier", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "set_robust_list", "set_tid_address", "sigaltstack",
	// About itself.
	"getrusage", "getrlimit", "uname",
}

// allowedIf are calls that are harmless with certain arguments.
func allowedIf() []seccomp.NameWithConditions {
	when := func(name string, argument uint32, operation seccomp.Operation, value uint64) seccomp.NameWithConditions {
		return seccomp.NameWithConditions{Name: name, Conditions: seccomp.ArgumentConditions{
			{Argument: argument, Operation: operation, Value: value},
		}}
	}
	return []seccomp.NameWithConditions{
		when("clone", 0, seccomp.BitsSet, unix.CLONE_THREAD), // a thread, never a process
		when("tgkill", 0, seccomp.Equal, uint64(os.Getpid())),
		when("fcntl", 1, seccomp.Equal, unix.F_GETFL),    // os.NewFile asks; F_SETOWN could signal others
		when("prctl", 0, seccomp.Equal, unix.PR_SET_VMA), // Go names its memory
		when("prlimit64", 2, seccomp.Equal, 0),           // reading a limit
	}
}

// filterSystemCalls refuses every other system call with EPERM.
func filterSystemCalls() (string, error) {
	if !seccomp.Supported() {
		return "", fmt.Errorf("%w: the kernel has no filter, or a container forbids it", errLacking)
	}
	machine, err := arch.GetInfo("")
	if err != nil {
		return "", fmt.Errorf("%w: %w", errLacking, err)
	}
	allow := seccomp.SyscallGroup{Action: seccomp.ActionAllow}
	for _, name := range allowedCalls {
		if _, known := machine.SyscallNames[name]; known {
			allow.Names = append(allow.Names, name)
		}
	}
	for _, call := range allowedIf() {
		if _, known := machine.SyscallNames[call.Name]; known {
			allow.NamesWithCondtions = append(allow.NamesWithCondtions, call)
		}
	}
	groups := []seccomp.SyscallGroup{allow}
	// A C library that hears ENOSYS falls back to clone, whose flags a filter
	// can see.
	if _, known := machine.SyscallNames["clone3"]; known {
		groups = append(groups, seccomp.SyscallGroup{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)})
	}
	err = seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync, // all threads, or none
		Policy:     seccomp.Policy{DefaultAction: seccomp.ActionErrno, Syscalls: groups},
	})
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return "", fmt.Errorf("%w: %w", errLacking, err)
	}
	if err != nil {
		return "", err
	}
	return "seccomp", nil
}
