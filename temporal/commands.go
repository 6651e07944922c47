package temporal

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Names of the workflows behind the commands that delete.
const (
	WorkflowDeleteDocument = "DeleteDocument"
	WorkflowPurgeClient    = "PurgeClient"
)

// DeleteWorkflowID is one for each document, PurgeWorkflowID for each client.
func DeleteWorkflowID(client chatconnect.ClientID, document chatconnect.DocumentID) string {
	return fmt.Sprintf("delete:%s:%s", client, document)
}

func PurgeWorkflowID(client chatconnect.ClientID) string { return "purge:" + string(client) }

// ClientWorkflowPrefixes start the ids of everything that works for a client,
// but its purge.
func ClientWorkflowPrefixes(client chatconnect.ClientID) []string {
	return []string{"ingest:" + string(client) + ":", "delete:" + string(client) + ":", "chat:" + string(client) + ":"}
}

// DeleteInput starts DeleteDocument. Version is the newest, whose ingestion
// may be running.
type DeleteInput struct {
	ClientID   chatconnect.ClientID   `json:"clientId"`
	DocumentID chatconnect.DocumentID `json:"documentId"`
	Version    int                    `json:"version"`
}

// Tenant is whose document it is.
func (in DeleteInput) Tenant() chatconnect.ClientID { return in.ClientID }

// Revision is the newest version.
func (in DeleteInput) Revision() chatconnect.Revision {
	return chatconnect.Revision{DocumentID: in.DocumentID, Version: in.Version}
}

// DeleteInputOf is the input for a document as it stands.
func DeleteInputOf(d chatconnect.Document) *DeleteInput {
	return &DeleteInput{ClientID: d.ClientID, DocumentID: d.ID, Version: d.Version}
}

// StopInput asks whether workflows that were cancelled have ended. Those that
// won't end are terminated if Terminate is set.
type StopInput struct {
	DeleteInput      // of a purge only the client
	Terminate   bool `json:"terminate,omitempty"`
}

// StopResult counts the workflows that still run.
type StopResult struct {
	Running int `json:"running"`
}

// Remains counts what is left of a document or a client in every store.
type Remains struct {
	Points    int `json:"points"`
	Rows      int `json:"rows"`
	Blobs     int `json:"blobs"`
	Keys      int `json:"keys"`      // in Redis, of a client
	Workflows int `json:"workflows"` // running, of a client
}

// None reports whether nothing is left.
func (r Remains) None() bool { return r == Remains{} }

// PurgeInput starts PurgeClient.
type PurgeInput struct {
	ClientID chatconnect.ClientID `json:"clientId"`
}

// Tenant is the client that goes.
func (in PurgeInput) Tenant() chatconnect.ClientID { return in.ClientID }

// PurgeRecord is what is noted about a purge.
type PurgeRecord struct {
	PurgeInput
	Before Remains `json:"before"`
}

// PurgeResult is what PurgeClient returns: what there was to remove.
type PurgeResult struct {
	Before Remains `json:"before"`
	Rounds int     `json:"rounds"` // of removing and counting
}

// StartDelete starts the deletion of a document, or attaches to the one that
// runs.
func StartDelete(ctx context.Context, c client.Client, in *DeleteInput) error {
	return start(ctx, c, DeleteWorkflowID(in.ClientID, in.DocumentID), in.ClientID, WorkflowDeleteDocument, in)
}

// StartPurge starts the deletion of a client, or attaches to the one that
// runs.
func StartPurge(ctx context.Context, c client.Client, in *PurgeInput) error {
	return start(ctx, c, PurgeWorkflowID(in.ClientID), in.ClientID, WorkflowPurgeClient, in)
}

func start(ctx context.Context, c client.Client, id string, owner chatconnect.ClientID, name string, in any) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                QueueIngestion,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		Priority:                 sdktemporal.Priority{FairnessKey: string(owner)},
	}, name, in)
	return err
}
