package app

import (
	"context"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	firstAccountTimeout = 5 * time.Second
	firstAccountRetry   = 5 * time.Second
)

// warnOfFirstAccount warns once if strangers could make the installation's
// first account. It asks until the database answers.
func (a *App) warnOfFirstAccount(ctx context.Context) {
	if a.config.Registration != chatconnect.RegistrationClosed || a.config.LocalHostsOnly() {
		return
	}
	for {
		taken, err := a.hasUsers(ctx)
		if err == nil {
			if !taken {
				a.logger.WarnContext(ctx, "the first account has not been created: anybody who reaches this installation can create it",
					"advice", "run chatconnect user create with your address first")
			}
			return
		}
		select {
		case <-time.After(firstAccountRetry):
		case <-ctx.Done():
			return
		}
	}
}

func (a *App) hasUsers(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, firstAccountTimeout)
	defer cancel()
	return a.store.HasUsers(ctx)
}
