package temporal

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// StartIngestion starts the workflow of a version, or attaches to the one
// that runs.
func StartIngestion(ctx context.Context, c client.Client, in *IngestInput) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       IngestionWorkflowID(in.ClientID, in.Revision()),
		TaskQueue:                QueueIngestion,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, WorkflowIngestDocument, in)
	return err
}
