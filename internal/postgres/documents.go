package postgres

import (
	"context"
	"encoding/json"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// CreateDocument gives the document an ID, version 1 and StatusQueued where it
// has none. The counts start at zero whatever it says.
func (s *Store) CreateDocument(ctx context.Context, client chatconnect.ClientID, document chatconnect.Document) (chatconnect.Document, error) {
	document.ID = orNewID(document.ID)
	if err := checkID(document.ID); err != nil {
		return chatconnect.Document{}, err
	}
	if document.Status == "" {
		document.Status = chatconnect.StatusQueued
	}
	var row sqlcgen.Document
	err := s.inTenant(ctx, client, func(q *sqlcgen.Queries) (err error) {
		if err := s.checkStorage(ctx, q, client, 1, document.Size); err != nil {
			return err
		}
		row, err = q.CreateDocument(ctx, sqlcgen.CreateDocumentParams{
			ClientID: client, ID: document.ID, Name: clean(document.Name), Size: document.Size, Type: document.Type,
			Version: max(document.Version, 1), Status: document.Status, Stage: clip(document.Stage, maxStage),
			Sha256: document.SHA256, BlobKey: document.BlobKey, WorkflowID: document.WorkflowID,
		})
		return err
	})
	if err != nil {
		return chatconnect.Document{}, err
	}
	return toDocument(row), nil
}

func (s *Store) Document(ctx context.Context, client chatconnect.ClientID, id chatconnect.DocumentID) (chatconnect.Document, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return chatconnect.Document{}, err
	}
	if err := checkID(id); err != nil {
		return chatconnect.Document{}, err
	}
	row, err := queries.Document(ctx, sqlcgen.DocumentParams{ClientID: client, ID: id})
	if err != nil {
		return chatconnect.Document{}, storeError(err)
	}
	return toDocument(row), nil
}

// Documents takes a Limit of 0 for 50, and one above 200 for 200.
func (s *Store) Documents(ctx context.Context, client chatconnect.ClientID, filter chatconnect.DocumentFilter) ([]chatconnect.Document, string, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return nil, "", err
	}
	after, err := decodeCursor(filter.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageSize(filter.Limit)
	rows, err := queries.Documents(ctx, sqlcgen.DocumentsParams{
		ClientID: client, Before: after.createdAt, BeforeID: after.id,
		MaxRows: limit + 1, // one more tells whether there is a next page
	})
	if err != nil {
		return nil, "", storeError(err)
	}
	rows, next := pageOf(rows, limit, func(last sqlcgen.Document) cursor { return cursor{last.CreatedAt, string(last.ID)} })
	documents := make([]chatconnect.Document, len(rows))
	for i, row := range rows {
		documents[i] = toDocument(row)
	}
	return documents, next, nil
}

// DeleteDocument takes everything that belongs to the document with it, and
// raises the knowledge version if search saw it.
func (s *Store) DeleteDocument(ctx context.Context, client chatconnect.ClientID, id chatconnect.DocumentID) error {
	if err := checkID(id); err != nil {
		return err
	}
	return s.inTenant(ctx, client, func(q *sqlcgen.Queries) error {
		active, err := q.DeleteDocument(ctx, sqlcgen.DeleteDocumentParams{ClientID: client, ID: id})
		if err != nil || active == 0 {
			return err
		}
		return q.RaiseKnowledgeVersion(ctx, client)
	})
}

func toDocument(row sqlcgen.Document) chatconnect.Document {
	document := chatconnect.Document{
		ID: row.ID, ClientID: row.ClientID, Name: row.Name, Size: row.Size, Type: row.Type,
		Status: row.Status, Stage: row.Stage, Progress: row.Progress, ChunksTotal: row.ChunksTotal, ChunksDone: row.ChunksDone,
		Version: row.Version, ActiveVersion: row.ActiveVersion,
		SHA256: row.Sha256, BlobKey: row.BlobKey, WorkflowID: row.WorkflowID,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
	if row.ErrorCode != nil && row.ErrorMessage != nil {
		document.Error = &chatconnect.DocumentError{Code: *row.ErrorCode, Message: *row.ErrorMessage}
	}
	_ = json.Unmarshal(row.Stages, &document.Stages) // only the database's own functions write it
	for i := range document.Stages {
		document.Stages[i].StartedAt = document.Stages[i].StartedAt.UTC()
	}
	var replacement chatconnect.File
	if len(row.Replacement) > 0 && json.Unmarshal(row.Replacement, &replacement) == nil {
		document.Replacement = &replacement
	}
	return document
}
