package activities

import (
	"context"
	"log/slog"

	"go.temporal.io/sdk/activity"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	// retentionClients is how many clients one call of ExpirePart serves.
	retentionClients = 100
	// retentionRows is how many rows of a kind one statement deletes.
	retentionRows = 2000
)

// Retention are the activities of ExpireChats.
type Retention struct {
	Store  chatconnect.RetentionStore
	Logger *slog.Logger
}

// ExpirePart deletes what the next clients no longer keep. What it has deleted
// stays deleted if it is repeated. A client whose rows can't be deleted does not
// hold up the others; a database that is away does.
func (a *Retention) ExpirePart(ctx context.Context, in *temporal.ExpirePart) (*temporal.ExpirePartResult, error) {
	defer heartbeat(ctx)()
	clients, err := a.Store.Retentions(ctx, in.After, retentionClients)
	if err != nil {
		return nil, encode(ctx, err)
	}
	result := &temporal.ExpirePartResult{}
	for _, retention := range clients {
		rows, err := a.forget(ctx, retention, in)
		result.Clients++
		result.Rows += rows
		if err == nil {
			continue
		}
		if ctx.Err() != nil || chatconnect.AsError(err).Kind == chatconnect.KindUnavailable {
			return nil, encode(ctx, err)
		}
		result.Failed++
		a.Logger.ErrorContext(ctx, "conversations not forgotten", "client_id", retention.ClientID, "error", err)
	}
	if len(clients) == retentionClients {
		result.Next = clients[len(clients)-1].ClientID
	}
	return result, nil
}

func (a *Retention) forget(ctx context.Context, retention chatconnect.Retention, in *temporal.ExpirePart) (total int, err error) {
	before := in.Now.AddDate(0, 0, -retention.Days)
	for {
		rows, err := a.Store.ForgetChats(ctx, retention.ClientID, before, retentionRows)
		total += rows
		if err != nil {
			return total, err
		}
		if rows == 0 {
			break
		}
		activity.RecordHeartbeat(ctx)
	}
	if total > 0 {
		a.Logger.InfoContext(ctx, "conversations forgotten", "client_id", retention.ClientID, "rows", total, "days", retention.Days)
	}
	return total, nil
}
