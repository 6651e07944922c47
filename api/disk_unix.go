//go:build linux || darwin || freebsd

package api

import "golang.org/x/sys/unix"

// freeBytes is how much an ordinary user may still write to the disk.
func freeBytes(directory string) int64 {
	var stat unix.Statfs_t
	if err := unix.Statfs(directory, &stat); err != nil {
		return unknownFree // writing says what is wrong
	}
	free := uint64(stat.Bavail) * uint64(stat.Bsize) //nolint:unconvert // the types differ between systems
	return int64(min(free, unknownFree))
}
