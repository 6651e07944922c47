package main

import "strings"

// withDefault adds a setting to an environment that does not have it.
func withDefault(environ []string, name, value string) []string {
	for _, pair := range environ {
		if strings.HasPrefix(pair, name+"=") {
			return environ
		}
	}
	return append([]string{name + "=" + value}, environ...)
}
