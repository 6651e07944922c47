package document

// MemoryFactor is 1 but for builds with the race detector.
const MemoryFactor = memoryFactor
