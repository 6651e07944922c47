package document_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDefaultBinaryHoldsNoAGPL: unioffice is linked with its tag only. That
// the tag does link it shows that the look-out would see it.
func TestDefaultBinaryHoldsNoAGPL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tags   string
		linked bool
	}{{"", false}, {"unioffice", true}} {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags="+c.tags, "./cmd/chatconnect")
		list.Dir = "../.."
		packages, err := list.Output()
		require.NoError(t, err)
		require.Contains(t, string(packages), "internal/document/docx", "the list is the binary's")
		require.Equal(t, c.linked, strings.Contains(string(packages), "unidoc/"), "tags %q", c.tags)
	}
}
