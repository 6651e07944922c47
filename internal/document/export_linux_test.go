package document

import "strings"

// SealWith seals the process with the layers named: landlock, seccomp. Their
// order is the product's: the filter would forbid Landlock.
func SealWith(names string) (string, error) {
	var layers []layer
	for _, l := range []layer{{landlockAll, "Landlock"}, {filterSystemCalls, "seccomp"}} {
		if strings.Contains(names, strings.ToLower(l.what)) {
			layers = append(layers, l)
		}
	}
	c, err := sealWith(layers...)
	return c.String(), err
}
