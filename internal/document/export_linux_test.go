package document

import "strings"

// SealWith seals the process with the layers named: landlock, seccomp.
func SealWith(names string) (string, error) {
	var layers []layer
	for name, l := range map[string]layer{"landlock": {landlockAll, "Landlock"}, "seccomp": {filterSystemCalls, "seccomp"}} {
		if strings.Contains(names, name) {
			layers = append(layers, l)
		}
	}
	c, err := sealWith(layers...)
	return c.String(), err
}
