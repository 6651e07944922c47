// Package deploy only tests that the deployment fits the program.
package deploy

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/pgserver"
	"github.com/chatconnect/chatconnect/internal/postgres"
	"github.com/chatconnect/chatconnect/schema"
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

// fixedByCompose lists the settings that an operator of docker-compose.yml has
// no use for, with the reason.
var fixedByCompose = map[string]string{
	"QDRANT_PREFIX":    "the installation has a Qdrant of its own",
	"TEMPORAL_API_KEY": "the installation has a Temporal of its own",
	"TEMPORAL_TLS":     "its network is internal",
	"UPLOAD_DIR":       "a volume, mounted where the image says",
	"CACHE_DIR":        "a volume, mounted where the image says",
	"HOST":             "the image's",
	"PORT":             "the image's",
	"METRICS_ADDR":     "the image's, where Prometheus looks",
	"SHUTDOWN_TIMEOUT": "fits stop_grace_period",
}

// A setting that an operator may change in .env must reach a process, and have
// the default of the program until they do.
func TestComposePassesEverySetting(t *testing.T) {
	t.Parallel()
	compose := read(t, "../docker-compose.yml")
	passed := map[string]string{}
	for _, block := range [][2]string{{"x-app-environment:", "\nservices:"}, {"<<: *app-environment", "volumes:"}, {"command: [migrate]", "restart:"}} {
		for _, variable := range environment(t, compose, block[0], block[1]) {
			name, value, _ := strings.Cut(variable, "=")
			passed[name] = value
		}
	}
	example := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z0-9_]+)=(.*)$`).FindAllStringSubmatch(read(t, "../.env.example"), -1) {
		example[m[1]] = m[2]
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
		name := field.Tag.Get("env")
		value, found := passed[name]
		if reason := fixedByCompose[name]; reason != "" {
			require.False(t, found, "docker-compose.yml passes %s although %s", name, reason)
			continue
		}
		if !found {
			t.Errorf("docker-compose.yml does not pass %s to any process", name)
			continue
		}
		standard, byOperator := strings.CutPrefix(value, "${"+name+":-")
		if !byOperator {
			continue // composed of other variables
		}
		standard = strings.TrimSuffix(standard, "}")
		require.Equal(t, field.Tag.Get("envDefault"), standard, "docker-compose.yml gives %s another default", name)
		written, found := example[name]
		if !found {
			t.Errorf(".env.example lacks %s: %s", name, field.Tag.Get("help"))
		} else if name != "PUBLIC_URL" { // which has to be that of the ports
			require.Equal(t, standard, written, ".env.example gives %s another default", name)
		}
	}
}

// API and worker must not even know the password of the tables' owner.
func TestComposeKeepsTheOwnersLoginToMigrate(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	compose := expand(t, read(t, "../docker-compose.yml"), env)
	owner := env["APP_DB_PASSWORD"]
	require.NotEqual(t, owner, env["RUNTIME_DB_PASSWORD"])
	login := func(rawURL string) string {
		u, err := url.Parse(rawURL)
		require.NoError(t, err)
		password, _ := u.User.Password()
		return u.User.Username() + ":" + password
	}
	runtime := "chatconnect_runtime:" + env["RUNTIME_DB_PASSWORD"]

	shared := environment(t, compose, "x-app-environment:", "\nservices:")
	c, err := config.Load(shared)
	require.NoError(t, err)
	require.Equal(t, runtime, login(string(c.DatabaseURL)))
	for _, service := range []string{"\n  api:", "\n  worker:"} {
		_, rest, found := strings.Cut(compose, service)
		require.True(t, found, service)
		block, _, _ := strings.Cut(rest, "\n\n")
		require.NotContains(t, block, owner, service)
	}
	require.NotContains(t, strings.Join(shared, "\n"), owner)

	c, err = config.Load(environment(t, compose, "command: [migrate]", "restart:"))
	require.NoError(t, err)
	require.Equal(t, "chatconnect:"+owner, login(c.OwnerURL()))
	require.Equal(t, runtime, login(string(c.DatabaseURL)))
}

// The script that fills an empty volume makes the two logins, and what it
// makes is what migrate and the product need.
func TestDatabaseScriptMakesTheLogins(t *testing.T) {
	t.Parallel()
	psql, err := exec.LookPath("psql")
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "deploy-test-") // where another user can go
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	server, err := pgserver.Start(t.Context(), pgserver.Options{DataDir: filepath.Join(dir, "pg"), Unsafe: true, Timeout: time.Minute})
	require.NoError(t, err)
	defer server.Stop()
	admin, err := url.Parse(server.URL("postgres"))
	require.NoError(t, err)
	script := exec.CommandContext(t.Context(), "sh", "postgres/10-databases.sh")
	script.Env = []string{
		"PATH=" + filepath.Dir(psql) + ":" + os.Getenv("PATH"), "PGHOST=" + admin.Query().Get("host"), "PGPORT=" + admin.Query().Get("port"),
		"POSTGRES_USER=postgres", "APP_DB_PASSWORD=a", "RUNTIME_DB_PASSWORD=r", "TEMPORAL_DB_PASSWORD=t",
	}
	output, err := script.CombinedOutput()
	require.NoError(t, err, string(output))

	as := func(login string) string {
		u, err := url.Parse(server.URL("chatconnect"))
		require.NoError(t, err)
		u.User = url.User(login)
		return u.String()
	}
	require.NoError(t, schema.Migrate(t.Context(), as("chatconnect")))
	require.NoError(t, schema.GrantRuntime(t.Context(), as("chatconnect"), as("chatconnect_runtime")))
	store, err := postgres.New(t.Context(), postgres.Options{URL: as("chatconnect_runtime")})
	require.NoError(t, err)
	defer store.Close()
	login, err := store.Login(t.Context())
	require.NoError(t, err)
	require.Equal(t, postgres.Login{Name: "chatconnect_runtime", Excess: []string{}}, login)
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
	require.Equal(t, 9, secrets)
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

// The umask of most machines lets everybody read a new file.
func TestSecretsAreForTheirOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".env")
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `umask 022; exec sh new-env.sh >"$1"`, "sh", path).CombinedOutput()
	require.NoError(t, err, string(out))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
