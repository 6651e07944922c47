package document

import (
	"errors"
	"fmt"

	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// landlockAll forbids every right that the kernel's Landlock knows, with no
// exception: opening, making and running files, TCP from ABI 4, signals and
// abstract sockets of others from ABI 6, and tracing in each.
func landlockAll() (string, error) {
	abi, err := landlocksyscall.LandlockGetABIVersion()
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
		return "", fmt.Errorf("%w: the kernel has none", errLacking)
	case errors.Is(err, unix.EPERM): // Docker before 23 answers so
		return "", fmt.Errorf("%w: the container's own seccomp profile forbids it", errLacking)
	case err != nil:
		return "", err
	}
	if err := landlock.V11.BestEffort().Restrict(); err != nil {
		return "", err
	}
	return fmt.Sprintf("landlock ABI %d", abi), nil
}
