// Package deploy only tests that the deployment fits the program.
package deploy

import (
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
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

// newEnv runs new-env.sh and returns its variables.
func newEnv(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "new-env.sh").Output()
	require.NoError(t, err)
	env := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if found && !strings.HasPrefix(name, "#") {
			env[name] = value
		}
	}
	return env
}

var reference = regexp.MustCompile(`\$\{([A-Z0-9_]+)(:?[-?][^}]*)?\}`)

// expand replaces ${NAME}, ${NAME:-default} and ${NAME:?message} as Compose does.
func expand(t *testing.T, text string, env map[string]string) string {
	t.Helper()
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		m := reference.FindStringSubmatch(found)
		if value := env[m[1]]; value != "" {
			return value
		}
		if strings.HasPrefix(m[2], ":?") {
			t.Errorf("%s must be set, and new-env.sh does not set it", m[1])
		}
		return strings.TrimPrefix(m[2], ":-")
	})
}

var entry = regexp.MustCompile(`(?m)^\s+([A-Z][A-Z0-9_]+): ("?)(.*?)"?$`)

// service cuts what the Compose file gives a process of ours to read.
func environment(t *testing.T, compose, from, to string) []string {
	t.Helper()
	_, rest, found := strings.Cut(compose, from)
	require.True(t, found, from)
	block, _, found := strings.Cut(rest, to)
	require.True(t, found, to)
	var environ []string
	for _, m := range entry.FindAllStringSubmatch(block, -1) {
		environ = append(environ, m[1]+"="+m[3])
	}
	return environ
}

// With a fresh .env the API and the worker must accept what they are given,
// and be given nothing they don't know.
func TestComposeGivesTheProgramWhatItNeeds(t *testing.T) {
	t.Parallel()
	compose := expand(t, read(t, "../docker-compose.yml"), newEnv(t))
	worker := environment(t, compose, "x-app-environment:", "\nservices:")
	api := append(environment(t, compose, "<<: *app-environment", "volumes:"), worker...)
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		known[field.Tag.Get("env")] = true
	}
	for _, variable := range api {
		name, _, _ := strings.Cut(variable, "=")
		require.True(t, known[name] || strings.HasPrefix(name, "AWS_") || name == "GOMEMLIMIT", "docker-compose.yml passes %s, which is not a setting", name)
	}

	c, err := config.Load(api)
	require.NoError(t, err)
	require.NoError(t, c.RequireAPI())
	require.NotEmpty(t, c.TrustedProxies)
	require.Equal(t, "http://localhost:8080", c.PublicURL)
	c, err = config.Load(worker)
	require.NoError(t, err)
	require.NoError(t, c.RequireWorker())
	require.NotEmpty(t, c.TemporalCodecKey)
	require.Empty(t, c.SessionSecret, "the worker has no use for it")
}

func TestImageSetsOnlyKnownSettings(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`(?m)^ENV (.*)$`).FindStringSubmatch(read(t, "Dockerfile"))
	require.NotNil(t, line)
	_, err := config.Load(strings.Fields(line[1]))
	require.NoError(t, err)
}

func TestNewEnv(t *testing.T) {
	t.Parallel()
	first, second := newEnv(t), newEnv(t)
	secrets := 0
	for name, value := range first {
		if !regexp.MustCompile(`_PASSWORD$|_SECRET$|^QDRANT_API_KEY$|^TEMPORAL_CODEC_KEY$`).MatchString(name) {
			continue
		}
		secrets++
		require.GreaterOrEqual(t, len(value), 32, name)
		require.NotEqual(t, second[name], value, "%s is not random", name)
	}
	require.Equal(t, 8, secrets)
	used := read(t, "../docker-compose.yml")
	for name := range first {
		require.Contains(t, used, "${"+name, "%s has no effect", name)
	}
}

// Only Caddy may be reachable from outside; operators' pages from this
// machine alone.
func TestPublishedPorts(t *testing.T) {
	t.Parallel()
	published := regexp.MustCompile(`"([^"\n]*\$\{[A-Z_]+_PORT[^"\n]*)"`).FindAllStringSubmatch(read(t, "../docker-compose.yml"), -1)
	require.Len(t, published, 6)
	for _, m := range published {
		if !strings.HasPrefix(m[1], "127.0.0.1:") {
			require.Regexp(t, `^\$\{HTTPS?_PORT`, m[1])
		}
	}
}

// TestGoKnowsItsMemory: the collector's limit is below the container's, so that
// a busy process collects and is not killed.
func TestGoKnowsItsMemory(t *testing.T) {
	t.Parallel()
	compose := expand(t, read(t, "../docker-compose.yml"), newEnv(t))
	for name, next := range map[string]string{"api": "\n  worker:", "worker": "\n  migrate:"} {
		_, rest, found := strings.Cut(compose, "\n  "+name+":\n")
		require.True(t, found)
		service, _, found := strings.Cut(rest, next)
		require.True(t, found)
		goLimit := regexp.MustCompile(`GOMEMLIMIT: (\d+)MiB`).FindStringSubmatch(service)
		require.NotNil(t, goLimit, name)
		container := regexp.MustCompile(`memory: "?(\d+)([mg])`).FindStringSubmatch(service)
		require.NotNil(t, container, name)
		goMiB, err := strconv.Atoi(goLimit[1])
		require.NoError(t, err)
		containerMiB, err := strconv.Atoi(container[1])
		require.NoError(t, err)
		if container[2] == "g" {
			containerMiB *= 1024
		}
		if name == "worker" {
			containerMiB -= 2 * 500 // WORKERS parsers, processes of their own
		}
		require.InDelta(t, 0.9, float64(goMiB)/float64(containerMiB), 0.03, name)
	}
}
