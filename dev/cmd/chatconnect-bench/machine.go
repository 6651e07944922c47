package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// quiet is the load average, as a share of the processors, up to which
// latencies say something about ChatConnect.
const quiet = 1.5

// machine describes this one as it is now, and warns when it has other things
// to do. Only Linux tells.
func machine() string {
	text := fmt.Sprintf("%d processors", runtime.NumCPU())
	averages, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return text
	}
	last, _, _ := strings.Cut(string(averages), " ")
	text += ", load average " + last
	if load, err := strconv.ParseFloat(last, 64); err == nil && load > quiet*float64(runtime.NumCPU()) {
		text += ": other things run, so the latencies below say little"
	}
	return text + "\n"
}
