package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// Commands are the activities of the workflows that delete. Every one of them
// may be repeated.
type Commands struct {
	Documents chatconnect.DocumentStore
	Purges    chatconnect.PurgeStore
	Blobs     chatconnect.BlobStore
	Index     chatconnect.VectorIndex
	Cache     chatconnect.ClientCache
	Progress  chatconnect.ProgressFeed
	Temporal  client.Client
	Logger    *slog.Logger
}

var errTemporal = chatconnect.Errorf(chatconnect.KindUnavailable, "workflows_unavailable",
	"Temporal can't be asked at the moment.")

// StopIngestion reports whether the ingestion of the document's newest version
// still runs. It was asked to end before.
func (a *Commands) StopIngestion(ctx context.Context, in *temporal.StopInput) (*temporal.StopResult, error) {
	defer heartbeat(ctx)()
	id := temporal.IngestionWorkflowID(in.ClientID, in.Revision())
	described, err := a.Temporal.DescribeWorkflowExecution(ctx, id, "")
	if absent(err) {
		return &temporal.StopResult{}, nil
	}
	if err != nil {
		return nil, encode(ctx, errTemporal.Because(err))
	}
	if described.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return &temporal.StopResult{}, nil
	}
	if in.Terminate {
		a.Logger.WarnContext(ctx, "terminating what does not end", "workflow", id)
		if err := a.Temporal.TerminateWorkflow(ctx, id, "", "its document is being deleted"); err != nil && !absent(err) {
			return nil, encode(ctx, errTemporal.Because(err))
		}
	}
	return &temporal.StopResult{Running: 1}, nil
}

// StopClient asks everything that works for the client to end, and counts it.
func (a *Commands) StopClient(ctx context.Context, in *temporal.StopInput) (*temporal.StopResult, error) {
	defer heartbeat(ctx)()
	running, err := a.running(ctx, in.ClientID)
	if err != nil {
		return nil, encode(ctx, err)
	}
	for _, id := range running {
		if in.Terminate {
			a.Logger.WarnContext(ctx, "terminating what does not end", "workflow", id)
			err = a.Temporal.TerminateWorkflow(ctx, id, "", "its client is being deleted")
		} else {
			err = a.Temporal.CancelWorkflow(ctx, id, "")
		}
		if err != nil && !absent(err) {
			return nil, encode(ctx, errTemporal.Because(err))
		}
	}
	return &temporal.StopResult{Running: len(running)}, nil
}

// running lists the ids of workflows that work for the client.
func (a *Commands) running(ctx context.Context, owner chatconnect.ClientID) ([]string, error) {
	var prefixes []string
	for _, prefix := range temporal.ClientWorkflowPrefixes(owner) {
		prefixes = append(prefixes, fmt.Sprintf("WorkflowId STARTS_WITH '%s'", prefix))
	}
	query := fmt.Sprintf("ExecutionStatus = 'Running' AND (%s)", strings.Join(prefixes, " OR "))
	var ids []string
	var page []byte
	for {
		answer, err := a.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: query, PageSize: 500, NextPageToken: page,
		})
		if err != nil {
			return nil, errTemporal.Because(err)
		}
		for _, execution := range answer.GetExecutions() {
			ids = append(ids, execution.GetExecution().GetWorkflowId())
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			return ids, nil
		}
	}
}

func absent(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}
