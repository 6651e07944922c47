package postgres

import (
	"context"
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
