// Package docs only tests that the documents tell the truth about names.
package docs

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/config"
)

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(content)
}

var setting = regexp.MustCompile("(?m)^\\| `([A-Z0-9_]+)`( ●)? \\| (`([^`]*)`)?")

func TestOperationsListsEverySettingWithItsDefault(t *testing.T) {
	t.Parallel()
	type row struct {
		secret   bool
		standard string
	}
	listed := map[string]row{}
	for _, m := range setting.FindAllStringSubmatch(read(t, "operations.md"), -1) {
		listed[m[1]] = row{secret: m[2] != "", standard: m[4]}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		name := field.Tag.Get("env")
		got, found := listed[name]
		if !found {
			t.Errorf("operations.md does not list %s: %s", name, field.Tag.Get("help"))
			continue
		}
		if secret := field.Type == reflect.TypeFor[config.Secret](); got.secret != secret {
			t.Errorf("operations.md: is %s a secret? %v", name, secret)
		}
		if standard, found := field.Tag.Lookup("envDefault"); found && got.standard != standard {
			t.Errorf("operations.md gives %s the default %q; it is %q", name, got.standard, standard)
		}
		delete(listed, name)
	}
	for name := range listed {
		if !strings.HasPrefix(name, "OTEL_") {
			t.Errorf("operations.md lists %s, which is not a setting", name)
		}
	}
}

func TestOperationsListsEveryMetric(t *testing.T) {
	t.Parallel()
	page := read(t, "operations.md")
	source := read(t, "../internal/telemetry/metrics.go")
	names := regexp.MustCompile(`Name: "([a-z_]+)"`).FindAllStringSubmatch(source, -1)
	require.Greater(t, len(names), 5)
	for _, m := range names {
		require.Contains(t, page, "`"+m[1]+"`")
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+\.md)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages := []string{"architecture.md", "operations.md", "security.md", "security-asvs.md", "adr/README.md"}
	adrs, err := os.ReadDir("adr")
	require.NoError(t, err)
	for _, adr := range adrs {
		pages = append(pages, "adr/"+adr.Name())
		if adr.Name() != "README.md" {
			require.Contains(t, read(t, "adr/README.md"), "]("+adr.Name()+")", "the list of decisions lacks one")
		}
	}
	for _, page := range pages {
		dir := ""
		if strings.HasPrefix(page, "adr/") {
			dir = "adr/"
		}
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			_, err := os.Stat(dir + m[1])
			require.NoError(t, err, "%s links to %s", page, m[1])
		}
	}
}
