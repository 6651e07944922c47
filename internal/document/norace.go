//go:build !race

package document

// memoryFactor and detectorEnv are for builds with the race detector.
const memoryFactor = 1

var detectorEnv []string
