//go:build race

package document

// memoryFactor widens a child's memory limit for the race detector's shadow
// memory, which counts as the child's own.
const memoryFactor = 16
