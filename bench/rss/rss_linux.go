package rss

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// peakOf reads VmHWM, the peak of the program that a process runs now: it
// starts anew with exec(2). exists is false for a process that has ended.
func peakOf(pid int) (peak int64, exists bool) { return memory(pid, "VmHWM:") }

// memory reads a field of /proc/PID/status, in bytes.
func memory(pid int, field string) (size int64, exists bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	_, rest, found := bytes.Cut(status, []byte(field))
	fields := bytes.Fields(rest)
	if !found || len(fields) < 2 {
		return 0, false // a zombie has no memory
	}
	kB, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return kB << 10, err == nil
}

// Now is the resident size of a process at this moment, in bytes; 0 where the
// operating system does not tell (anything but Linux).
func Now(pid int) int64 {
	size, _ := memory(pid, "VmRSS:")
	return size
}

// childrenOf lists the direct children that run a program of their own. A
// child that has not come to its exec(2) shares its parent's memory (vfork)
// and command line.
func childrenOf(pid int) []int {
	own := commandLine(pid)
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is sound
	var pids []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err == nil && commandLine(child) != own {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

func commandLine(pid int) string {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return string(line)
}
