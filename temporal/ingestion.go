package temporal

import (
	"fmt"

	chatconnect "github.com/chatconnect/chatconnect"
)

// IngestionWorkflowID is one for each version of a document: starting it
// twice attaches to the first.
func IngestionWorkflowID(client chatconnect.ClientID, revision chatconnect.Revision) string {
	return fmt.Sprintf("ingest:%s:%s:%d", client, revision.DocumentID, revision.Version)
}

// IngestInput starts IngestDocument. The file itself lies in blob storage
// under SourceBlobKey.
type IngestInput struct {
	ClientID   chatconnect.ClientID   `json:"clientId"`
	DocumentID chatconnect.DocumentID `json:"documentId"`
	Version    int                    `json:"version"`
	Type       chatconnect.FileType   `json:"type"`
	Name       string                 `json:"name"`
	// Replaces is the first of the versions whose place this one takes once it
	// is ready, 0 for the first of a document.
	Replaces int `json:"replaces,omitempty"`
}

// Tenant is whose document it is.
func (in IngestInput) Tenant() chatconnect.ClientID { return in.ClientID }

// IngestInputOf is the input for a document as it stands.
func IngestInputOf(d chatconnect.Document) *IngestInput {
	in := &IngestInput{ClientID: d.ClientID, DocumentID: d.ID, Version: d.Version, Type: d.Type, Name: d.Name}
	if d.Replacement != nil {
		in.Type, in.Name = d.Replacement.Type, d.Replacement.Name
	}
	if d.Version > 1 {
		in.Replaces = max(d.ActiveVersion, 1)
	}
	return in
}

// Revision is the version being ingested.
func (in IngestInput) Revision() chatconnect.Revision {
	return chatconnect.Revision{DocumentID: in.DocumentID, Version: in.Version}
}

// IngestResult is what IngestDocument returns. A document that can't be
// ingested (a corrupt file, say) is a result with an Error, not a failed
// workflow: nothing is left to retry.
type IngestResult struct {
	Status chatconnect.Status         `json:"status"`
	Chunks int                        `json:"chunks"`
	Error  *chatconnect.DocumentError `json:"error,omitempty"`
}

// IngestProgress answers QueryProgress of IngestDocument.
type IngestProgress struct {
	Status      chatconnect.Status `json:"status"`
	ChunksTotal int                `json:"chunksTotal"`
	BatchesDone int                `json:"batchesDone"`
	Batches     int                `json:"batches"`
}

// ParseResult says what Parse wrote to BlocksBlobKey.
type ParseResult struct {
	Blocks int   `json:"blocks"`
	Bytes  int64 `json:"bytes"` // of text
}

// ChunkResult says how many chunks ChunkDocument stored.
type ChunkResult struct {
	Chunks int `json:"chunks"`
	Tokens int `json:"tokens"`
}

// EmbedBatchInput asks for the chunks From <= index < To of a revision to be
// embedded and stored in the index. Batch numbers the batches from 0.
type EmbedBatchInput struct {
	IngestInput
	Batch int `json:"batch"`
	From  int `json:"from"`
	To    int `json:"to"`
}

// ActivateInput makes a revision the one search sees. Chunks is how many
// points the index must hold before that may happen; Tokens, those of the
// chunks, are for the record of what it cost.
type ActivateInput struct {
	IngestInput
	Chunks int `json:"chunks"`
	Tokens int `json:"tokens"`
}

// FailInput marks a revision as failed or cancelled and removes what it left.
type FailInput struct {
	IngestInput
	Status chatconnect.Status        `json:"status"`
	Error  chatconnect.DocumentError `json:"error"`
}
