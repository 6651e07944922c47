//go:build !race

package document

// memoryFactor is for builds with the race detector.
const memoryFactor = 1
