package worker

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"

	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/temporal"
)

// logging is the innermost interceptor: an activity that logs a line.
type logging struct {
	interceptor.ActivityInboundInterceptorBase
	logger *slog.Logger
}

func (l *logging) ExecuteActivity(ctx context.Context, _ *interceptor.ExecuteActivityInput) (any, error) {
	l.logger.InfoContext(ctx, "at work")
	return struct{}{}, nil
}

func TestActivitiesLogTheirTenant(t *testing.T) {
	t.Parallel()
	for name, arg := range map[string]any{
		"ingestion": &temporal.EmbedBatchInput{IngestInput: temporal.IngestInput{ClientID: "c-1"}},
		"chat":      &temporal.GenerateInput{ChatInput: temporal.ChatInput{ClientID: "c-1"}},
		"log":       &temporal.LogInput{ChatInput: temporal.ChatInput{ClientID: "c-1"}},
		"fail":      &temporal.FailInput{IngestInput: temporal.IngestInput{ClientID: "c-1"}},
	} {
		var out bytes.Buffer
		chain := (&tenantLogging{}).InterceptActivity(t.Context(), &logging{logger: telemetry.NewLogger(&out, slog.LevelInfo)})
		_, err := chain.ExecuteActivity(t.Context(), &interceptor.ExecuteActivityInput{Args: []any{arg}})
		require.NoError(t, err)
		require.Contains(t, out.String(), `"client_id":"c-1"`, name)
	}
}
