package temporal

import (
	"database/sql"
	"testing"

	"github.com/chatconnect/chatconnect/temporal/dynamicconfig"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
)

// TestDynamicConfigIsKnown proves that this version of the server knows every
// key of the file that all deployments use.
func TestDynamicConfigIsKnown(t *testing.T) {
	t.Parallel()
	loaded, err := loadDynamicConfig(dynamicconfig.YAML)
	require.NoError(t, err)
	require.NotEmpty(t, loaded)

	for name, yaml := range map[string]string{
		"unknown key":  "history.transferProcesorMaxPollRPS:\n  - value: 1\n",
		"wrong type":   "history.transferProcessorMaxPollRPS:\n  - value: fast\n",
		"not the form": "history.transferProcessorMaxPollRPS: 1\n",
	} {
		_, err := loadDynamicConfig([]byte(yaml))
		require.Error(t, err, name)
	}
}

func activityName(name string) activity.RegisterOptions { return activity.RegisterOptions{Name: name} }

func rewriteVersion(t *testing.T, file, version string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `UPDATE chatconnect_schema SET version = ?`, version)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}
