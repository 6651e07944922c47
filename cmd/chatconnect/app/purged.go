package app

import (
	"context"
	"time"
)

const (
	// purgedCheck is how long the metrics of a client that was deleted may stay.
	purgedCheck   = 10 * time.Second
	purgedTimeout = 10 * time.Second
)

// forgetPurgedClients drops the metrics of deleted clients until ctx ends. Each
// process looks by itself, because each has series of its own.
func (a *App) forgetPurgedClients(ctx context.Context) {
	ticker := time.NewTicker(purgedCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			a.forgetPurged(ctx)
		}
	}
}

func (a *App) forgetPurged(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, purgedTimeout)
	defer cancel()
	purged, err := a.store.PurgedClients(ctx, a.metrics.Clients())
	if err != nil {
		if ctx.Err() == nil {
			a.logger.WarnContext(ctx, "deleted clients not looked up", "error", err)
		}
		return
	}
	for _, id := range purged {
		a.metrics.ForgetClient(id)
	}
}
