//go:build race

package document

// memoryFactor widens a child's memory limit for the race detector's shadow
// memory, which counts as the child's own.
const memoryFactor = 16

// detectorEnv turns off the second that the race detector waits at a child's
// exit.
var detectorEnv = []string{"GORACE=atexit_sleep_ms=0"}
