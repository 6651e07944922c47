package document

// MemoryFactor is 1 but for builds with the race detector.
const MemoryFactor = memoryFactor

// SetChildEnv adds variables to the environment of p's children, by which
// TestMain has them behave badly. The product adds none.
func (p *Parser) SetChildEnv(variables ...string) { p.childEnv = variables }
