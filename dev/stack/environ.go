package stack

import (
	"maps"
	"slices"
	"strings"
)

// environ is an environment by name.
type environ map[string]string

func parseEnviron(pairs []string) environ {
	env := make(environ, len(pairs))
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	return env
}

// names reports whether the setting has a value, itself or in a file.
func (e environ) names(setting string) bool {
	return e[setting] != "" || e[setting+"_FILE"] != ""
}

// setDefault gives the setting a value if it has none.
func (e environ) setDefault(setting, value string) {
	if !e.names(setting) {
		e[setting] = value
	}
}

// pairs is the form os.Environ has, in a stable order.
func (e environ) pairs() []string {
	pairs := make([]string, 0, len(e))
	for _, name := range slices.Sorted(maps.Keys(e)) {
		pairs = append(pairs, name+"="+e[name])
	}
	return pairs
}
