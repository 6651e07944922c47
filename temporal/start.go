package temporal

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"
)

// StartIngestion starts the workflow of a version, or attaches to the one
// that runs. A version whose workflow was terminated may be started again;
// every step of it may run twice. The client is the fairness key, which its
// activities inherit: one tenant's thousand documents don't hold up another's
// single one.
func StartIngestion(ctx context.Context, c client.Client, in *IngestInput) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       IngestionWorkflowID(in.ClientID, in.Revision()),
		TaskQueue:                QueueIngestion,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		Priority:                 sdktemporal.Priority{FairnessKey: string(in.ClientID)},
	}, WorkflowIngestDocument, in)
	return err
}
