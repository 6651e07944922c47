package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// atLeast compares versions by their numbers.
func atLeast(t *testing.T, what, version, least string) {
	t.Helper()
	want := strings.Split(least, ".")
	got := strings.Split(version, ".")
	for i := range want {
		w, err := strconv.Atoi(want[i])
		require.NoError(t, err)
		require.Greater(t, len(got), i, "%s %s is older than %s, or names no patch release", what, version, least)
		g, err := strconv.Atoi(got[i])
		require.NoError(t, err, "%s %s", what, version)
		if g != w {
			require.Greater(t, g, w, "%s %s is older than %s", what, version, least)
			return
		}
	}
}

func captured(t *testing.T, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(text)
	require.NotNil(t, m, pattern)
	return m[1]
}

// Older releases of these have holes that matter here.
func TestVersionsWithoutKnownHoles(t *testing.T) {
	t.Parallel()
	atLeast(t, "caddy", captured(t, read(t, "../docker-compose.yml"), `image: caddy:([0-9.]+)`), "2.11.3")
	for _, module := range []string{"../go.mod", "../dev/go.mod"} {
		text := read(t, module)
		atLeast(t, module+": quic-go", captured(t, text, `quic-go/quic-go v([0-9.]+)`), "0.59.1")
		// Where the go line is as new, Go itself drops the toolchain line.
		atLeast(t, module+": toolchain", captured(t, text, `(?:^toolchain go|^go )([0-9]+\.[0-9]+\.[1-9][0-9]*)$`), "1.26.8")
	}
}

// The script is tried on copies, with a docker that knows all digests.
func TestPinImages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "deploy"), 0o755))
	for from, to := range map[string]string{"pin-images.sh": "deploy/pin-images.sh", "Dockerfile": "deploy/Dockerfile", "../docker-compose.yml": "docker-compose.yml"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), []byte(read(t, from)), 0o600))
	}
	bin := t.TempDir()
	digest := "sha256:" + strings.Repeat("0a", 32)
	docker := func(answer string) {
		require.NoError(t, os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\necho "+answer+"\n"), 0o755))
	}
	run := func(arguments ...string) (string, error) {
		command := exec.CommandContext(t.Context(), "sh", append([]string{filepath.Join(dir, "deploy/pin-images.sh")}, arguments...)...)
		command.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
		output, err := command.CombinedOutput()
		return string(output), err
	}
	docker("no such image")
	output, err := run()
	require.Error(t, err, "a digest that is none is not written")
	require.Contains(t, output, "no digest for")

	docker(digest)
	for range 2 { // pinned once, renewed after that
		output, err = run()
		require.NoError(t, err, output)
	}
	output, err = run("--check")
	require.NoError(t, err, output)
	for _, name := range []string{"docker-compose.yml", "deploy/Dockerfile"} {
		text := read(t, filepath.Join(dir, name))
		require.Contains(t, text, "@"+digest)
		require.NotContains(t, text, digest+"@")
	}
	require.Contains(t, read(t, filepath.Join(dir, "deploy/Dockerfile")), "@"+digest+" AS build")
	require.Contains(t, read(t, filepath.Join(dir, "docker-compose.yml")), "image: chatconnect:${VERSION:-local}\n", "our own is built")
}

// An audit that could not be made must not look like one that passed.
func TestAuditSaysWhatItSkipped(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	program := func(name, body string) string {
		path := filepath.Join(bin, name)
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
		return path
	}
	program("curl", "exit 6") // as where no name is resolved
	program("npm", "echo 'npm error audit endpoint returned an error' >&2; exit 1")
	ok := program("ok", "exit 0")
	run := func(environ ...string) (string, error) {
		command := exec.CommandContext(t.Context(), "bash", "../.ci/audit")
		command.Env = append([]string{
			"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AUDIT_QUICK=1",
			"GOLANGCI_LINT=" + ok, "GOVULNCHECK=" + program("fail", "exit 3"), "GO_LICENSES=" + ok, "GITLEAKS=" + ok,
		}, environ...)
		output, err := command.CombinedOutput()
		return string(output), err
	}
	output, err := run()
	require.NoError(t, err, output)
	require.Regexp(t, `govulncheck +SKIPPED: database not reachable`, output)
	require.Regexp(t, `npm audit widget +SKIPPED: the registry does not answer`, output)
	output, err = run("AUDIT_STRICT=1")
	require.Error(t, err, output)
	output, err = run("GITLEAKS=" + program("leak", "exit 1"))
	require.Error(t, err)
	require.Regexp(t, `secrets in history +FAILED`, output)
	program("curl", "exit 0")
	output, err = run()
	require.Error(t, err, "a database that is reached is asked")
	require.Regexp(t, `govulncheck product +FAILED`, output)
}
