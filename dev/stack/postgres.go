package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/chatconnect/chatconnect/internal/pgserver"
)

// databaseName is the embedded server's only database.
const databaseName = "chatconnect"

// startPostgres starts the system's PostgreSQL, or one downloaded for the
// purpose if the system has none.
func startPostgres(ctx context.Context, dir string, unsafe bool, logger *slog.Logger, notify func(string)) (*pgserver.Server, error) {
	opts := pgserver.Options{DataDir: dir, Logger: logger, Unsafe: unsafe}
	server, err := pgserver.Start(ctx, opts)
	if errors.Is(err, pgserver.ErrNoBinaries) {
		if opts.BinDir, err = downloadedPostgres(ctx, notify); err != nil {
			return nil, fmt.Errorf("%w; downloading it failed too: %w", pgserver.ErrNoBinaries, err)
		}
		server, err = pgserver.Start(ctx, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	if err := server.EnsureDatabase(ctx, databaseName); err != nil {
		server.Stop()
		return nil, fmt.Errorf("PostgreSQL: create database: %w", err)
	}
	return server, nil
}
