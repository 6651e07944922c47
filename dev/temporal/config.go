package temporal

import (
	"fmt"
	"path/filepath"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
)

// clusterName and historyShards are written into the database at its first
// start and can't be changed afterwards. Four shards let four workflows be
// written side by side up to the database, which has one writer; more would
// only add idle queues.
const (
	clusterName   = "active"
	historyShards = 4
)

// serverConfig describes one process running all services on loopback.
func serverConfig(dir string, ports ports) *config.Config {
	disabled := "disabled"
	return &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     sqlite.PluginName,
			VisibilityStore:  visibilityStore,
			NumHistoryShards: historyShards,
			DataStores: map[string]config.DataStore{
				sqlite.PluginName: {SQL: sqlConfig(databaseFile(dir))},
				visibilityStore:   {SQL: sqlConfig(visibilityFile(dir))},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {
					Enabled:                true,
					InitialFailoverVersion: 1,
					RPCAddress:             ports.address(frontend),
				},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: ports.address(frontend)},
		Services:            ports.services(),
		Archival: config.Archival{
			History:    config.HistoryArchival{State: disabled},
			Visibility: config.VisibilityArchival{State: disabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{
			Archival: config.ArchivalNamespaceDefaults{
				History:    config.HistoryArchivalNamespaceDefaults{State: disabled},
				Visibility: config.VisibilityArchivalNamespaceDefaults{State: disabled},
			},
		},
	}
}

// visibilityStore is what lists of workflows are read from. It has a file of
// its own, because SQLite has one writer for each file: in one file, noting
// that a chat has begun holds up the chat.
const visibilityStore = "visibility"

// databaseFile and visibilityFile are the SQLite files in the server's
// directory.
func databaseFile(dir string) string   { return filepath.Join(dir, "temporal.db") }
func visibilityFile(dir string) string { return filepath.Join(dir, "visibility.db") }

// sqlConfig opens the database with a write-ahead log. With synchronous=normal
// a commit survives the death of the process, kill -9 included, though the
// last ones may be lost if the machine itself loses power: the right trade for
// a development stack.
func sqlConfig(file string) *config.SQL {
	return &config.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: file,
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			"synchronous":  "normal",
			"busy_timeout": "10000",
		},
	}
}

// staticDynamicConfig serves the values of a file read once. The server asks
// for them all the time, so there is no locking and no copying.
type staticDynamicConfig dynamicconfig.ConfigValueMap

func (c staticDynamicConfig) GetValue(key dynamicconfig.Key) []dynamicconfig.ConstrainedValue {
	return c[key]
}

// loadDynamicConfig reads a file in the server's format. A key or value the
// server doesn't know is an error here, where the server itself would only
// warn: a setting with a typo is a setting that silently does nothing.
func loadDynamicConfig(yaml []byte) (staticDynamicConfig, error) {
	loaded := dynamicconfig.LoadYamlFile(yaml)
	for _, problem := range append(loaded.Errors, loaded.Warnings...) {
		return nil, fmt.Errorf("dynamic configuration: %w", problem)
	}
	return staticDynamicConfig(loaded.Map), nil
}
