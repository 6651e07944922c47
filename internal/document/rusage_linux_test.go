package document_test

import "golang.org/x/sys/unix"

// childrenPeakMB is the largest resident size any child of this process had.
func childrenPeakMB() (int64, bool) {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &usage) != nil {
		return 0, false
	}
	return usage.Maxrss >> 10, true
}
