package zzdeps

import (
	_ "github.com/alicebob/miniredis/v2"
	_ "github.com/chatconnect/chatconnect/internal/zzdeps"
	_ "github.com/fergusstrange/embedded-postgres"
	_ "github.com/temporalio/ui-server/v2/server"
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	_ "go.temporal.io/server/schema/sqlite"
	_ "go.temporal.io/server/temporal"
	_ "modernc.org/sqlite"
)
