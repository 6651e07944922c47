//go:build race

package document

// memoryFactor widens a child's memory limit for the race detector's shadow
// memory, which counts as the child's own.
const memoryFactor = 16

// detectorEnv spares a child the second for which the detector otherwise waits
// at its end.
var detectorEnv = []string{"GORACE=atexit_sleep_ms=0"}
