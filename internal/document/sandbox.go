package document

// confinement is what a child gave up before it looked at the document, on
// top of its limits.
type confinement struct {
	// Level names the layers in force: "landlock ABI 7 + seccomp + rlimits".
	Level string `json:"level"`
	// Lacking says which layers the system has not, and why; empty if none.
	Lacking string `json:"lacking,omitempty"`
}

func (c confinement) String() string {
	if c.Lacking == "" {
		return c.Level
	}
	return c.Level + " (lacking: " + c.Lacking + ")"
}
