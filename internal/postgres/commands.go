package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

const stageWaiting = "Waiting to be read"

// DocumentByContent looks for the lower-case hex SHA-256.
func (s *Store) DocumentByContent(ctx context.Context, client chatconnect.ClientID, sha256 string) (chatconnect.Document, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return chatconnect.Document{}, err
	}
	row, err := queries.DocumentByContent(ctx, sqlcgen.DocumentByContentParams{ClientID: client, Sha256: sha256})
	if err != nil {
		return chatconnect.Document{}, storeError(err)
	}
	return toDocument(row), nil
}

// RetryDocument is one statement: of two at once, one finds nothing to retry.
func (s *Store) RetryDocument(ctx context.Context, client chatconnect.ClientID, id chatconnect.DocumentID) (chatconnect.Document, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return chatconnect.Document{}, err
	}
	if err := checkID(id); err != nil {
		return chatconnect.Document{}, err
	}
	row, err := queries.RetryDocument(ctx, sqlcgen.RetryDocumentParams{ClientID: client, ID: id, Stage: stageWaiting})
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err := s.Document(ctx, client, id); err != nil {
			return chatconnect.Document{}, err
		}
		return chatconnect.Document{}, chatconnect.ErrNotRetryable
	}
	if err != nil {
		return chatconnect.Document{}, storeError(err)
	}
	return toDocument(row), nil
}

// FailedDocuments lists them oldest first, cancelled ones not included.
func (s *Store) FailedDocuments(ctx context.Context, client chatconnect.ClientID, limit int) ([]chatconnect.Document, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return nil, err
	}
	rows, err := queries.FailedDocuments(ctx, sqlcgen.FailedDocumentsParams{ClientID: client, MaxRows: limit})
	if err != nil {
		return nil, storeError(err)
	}
	documents := make([]chatconnect.Document, len(rows))
	for i, row := range rows {
		documents[i] = toDocument(row)
	}
	return documents, nil
}

// ReserveVersion implements chatconnect.DocumentStore.
func (s *Store) ReserveVersion(ctx context.Context, client chatconnect.ClientID, id chatconnect.DocumentID) (int, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return 0, err
	}
	if err := checkID(id); err != nil {
		return 0, err
	}
	version, err := queries.ReserveVersion(ctx, sqlcgen.ReserveVersionParams{ClientID: client, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, s.whyBusy(ctx, client, id)
	}
	return version, storeError(err)
}

// ReplaceDocument implements chatconnect.DocumentStore.
func (s *Store) ReplaceDocument(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, file chatconnect.File, workflowID string) (chatconnect.Document, error) {
	if err := checkID(revision.DocumentID); err != nil {
		return chatconnect.Document{}, err
	}
	file.Name = clean(file.Name)
	encoded, err := json.Marshal(file)
	if err != nil {
		return chatconnect.Document{}, err
	}
	var row sqlcgen.Document
	err = s.inTenant(ctx, client, func(q *sqlcgen.Queries) (err error) {
		row, err = q.ReplaceDocument(ctx, sqlcgen.ReplaceDocumentParams{
			ClientID: client, ID: revision.DocumentID, Version: revision.Version, Stage: stageWaiting, WorkflowID: workflowID,
			Replacement: encoded, Name: file.Name, Size: file.Size, Type: string(file.Type), Sha256: file.SHA256, BlobKey: file.BlobKey,
		})
		if err != nil {
			return err
		}
		// Its own bytes are counted now: refused, the transaction takes them back.
		return s.checkStorage(ctx, q, client, 0, 0)
	})
	if errors.Is(err, chatconnect.ErrNotFound) {
		return chatconnect.Document{}, s.whyBusy(ctx, client, revision.DocumentID)
	}
	if err != nil {
		return chatconnect.Document{}, err
	}
	return toDocument(row), nil
}

func (s *Store) whyBusy(ctx context.Context, client chatconnect.ClientID, id chatconnect.DocumentID) error {
	document, err := s.Document(ctx, client, id)
	if err != nil {
		return err
	}
	if document.Status == chatconnect.StatusDeleting {
		return chatconnect.ErrBeingDeleted
	}
	return chatconnect.ErrBusy
}

// RollBack leaves a revision without chunks behind, which hides from search
// what a late writer of the version may still bring.
func (s *Store) RollBack(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, reason chatconnect.DocumentError) (chatconnect.Document, bool, error) {
	if err := checkID(revision.DocumentID); err != nil {
		return chatconnect.Document{}, false, err
	}
	var row sqlcgen.Document
	changed := false
	err := s.inTenant(ctx, client, func(q *sqlcgen.Queries) (err error) {
		row, err = q.RollBackDocument(ctx, sqlcgen.RollBackDocumentParams{
			ClientID: client, ID: revision.DocumentID, Version: revision.Version,
			ErrorCode: clip(reason.Code, maxErrorCode), ErrorMessage: clip(reason.Message, maxErrorMessage),
		})
		if errors.Is(err, pgx.ErrNoRows) {
			row, err = q.Document(ctx, sqlcgen.DocumentParams{ClientID: client, ID: revision.DocumentID})
			return err
		}
		if err != nil {
			return err
		}
		changed = true
		return q.PutRevision(ctx, sqlcgen.PutRevisionParams{ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version})
	})
	if err != nil {
		return chatconnect.Document{}, false, err
	}
	return toDocument(row), changed, nil
}
