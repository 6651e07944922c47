package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProductionBinaryHoldsNoStandIns: the embedded servers are for the dev
// stack alone.
func TestProductionBinaryHoldsNoStandIns(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-deps", "./cmd/chatconnect")
	list.Dir = "../.."
	output, err := list.CombinedOutput()
	require.NoError(t, err, "%s", output)
	packages := strings.Fields(string(output))
	require.Contains(t, packages, "go.temporal.io/sdk/worker", "the list is the binary's")
	for _, forbidden := range []string{
		"go.temporal.io/server", "miniredis", "embedded-postgres", "chatconnect/dev", "chatconnect/bench", "internal/pgserver",
	} {
		for _, dependency := range packages {
			require.NotContains(t, dependency, forbidden)
		}
	}
}
