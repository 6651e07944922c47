package develop

import (
	"slices"
	"strings"
)

// has reports whether an environment has the setting.
func has(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
}

// withDefault adds a setting to an environment that does not have it.
func withDefault(environ []string, name, value string) []string {
	if has(environ, name) {
		return environ
	}
	return append([]string{name + "=" + value}, environ...)
}
