package postgres

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// Limits of the columns; what people are shown is cut rather than refused.
const (
	maxStage        = 500
	maxErrorCode    = 100
	maxErrorMessage = 2000
)

// errReadyByActivate: only Activate may make a document ready.
var errReadyByActivate = errors.New("UpdateProgress can't make a document ready: Activate does")

// UpdateProgress lets neither progress nor status go back: a step that arrives
// late can still raise the counts, but keeps the later status and its stage.
// Once a version is ready, failed or cancelled, only StatusDeleting follows,
// which hides the document from search at once. StatusReady is Activate's.
func (s *Store) UpdateProgress(ctx context.Context, client chatconnect.ClientID, progress chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return chatconnect.Document{}, false, err
	}
	if err := checkID(progress.DocumentID); err != nil {
		return chatconnect.Document{}, false, err
	}
	if progress.Status == chatconnect.StatusReady {
		return chatconnect.Document{}, false, errReadyByActivate
	}
	params := sqlcgen.AdvanceDocumentParams{
		ClientID: client, ID: progress.DocumentID, Version: progress.Version,
		Status: string(progress.Status), Stage: clip(progress.Stage, maxStage), Progress: min(progress.Progress, 100),
		ChunksTotal: progress.ChunksTotal, ChunksDone: progress.ChunksDone, StageEnded: progress.StageEnded,
	}
	if progress.Status == chatconnect.StatusFailed {
		failure := chatconnect.DocumentError{Code: "internal", Message: "Something went wrong on our side. Please try again."}
		if progress.Error != nil {
			failure = *progress.Error
		}
		code, message := clip(failure.Code, maxErrorCode), clip(failure.Message, maxErrorMessage)
		params.ErrorCode, params.ErrorMessage = &code, &message
	}
	row, err := queries.AdvanceDocument(ctx, params)
	if errors.Is(err, pgx.ErrNoRows) { // nothing to change, or nothing there
		document, err := s.Document(ctx, client, progress.DocumentID)
		return document, false, err
	}
	if err != nil {
		return chatconnect.Document{}, false, storeError(err)
	}
	return toDocument(row), true, nil
}

// CompleteBatch moves the document between 20 and 95 percent, by the share of
// its chunks that are stored. A version that has ended is left alone.
func (s *Store) CompleteBatch(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, batch, chunks int) (chatconnect.Document, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return chatconnect.Document{}, err
	}
	if err := checkID(revision.DocumentID); err != nil {
		return chatconnect.Document{}, err
	}
	row, err := queries.CountBatch(ctx, sqlcgen.CountBatchParams{
		ClientID: client, ID: revision.DocumentID, Version: revision.Version, Batch: batch, Chunks: chunks,
	})
	if errors.Is(err, pgx.ErrNoRows) { // counted before, ended, or nothing there
		return s.Document(ctx, client, revision.DocumentID)
	}
	if err != nil {
		return chatconnect.Document{}, storeError(err)
	}
	return toDocument(row), nil
}

// errRevisionClosed refuses to activate what can't become active any more.
var errRevisionClosed = chatconnect.Errorf(chatconnect.KindConflict, "revision_closed",
	"This version of the document was replaced, cancelled, deleted or has failed.")

// Activate changes nothing when repeated. A version that is superseded, has
// failed, was cancelled or is being deleted is a KindConflict error with code
// "revision_closed".
func (s *Store) Activate(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, cost chatconnect.IngestionCost) (chatconnect.Document, error) {
	if err := checkID(revision.DocumentID); err != nil {
		return chatconnect.Document{}, err
	}
	var row sqlcgen.Document
	err := s.inTenant(ctx, client, func(q *sqlcgen.Queries) (err error) {
		row, err = q.ActivateDocument(ctx, sqlcgen.ActivateDocumentParams{
			ClientID: client, ID: revision.DocumentID, Version: revision.Version,
		})
		if errors.Is(err, pgx.ErrNoRows) {
			row, err = q.Document(ctx, sqlcgen.DocumentParams{ClientID: client, ID: revision.DocumentID})
			if err == nil && (row.Status != chatconnect.StatusReady || row.ActiveVersion != revision.Version) {
				return errRevisionClosed
			}
			return err
		}
		if err != nil {
			return err
		}
		if err := q.RecordIngestion(ctx, usageOf(toDocument(row), cost)); err != nil {
			return err
		}
		err = q.DeactivateRevisions(ctx, sqlcgen.DeactivateRevisionsParams{
			ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version,
		})
		if err != nil {
			return err
		}
		err = q.ActivateRevision(ctx, sqlcgen.ActivateRevisionParams{
			ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version,
		})
		if err != nil {
			return err
		}
		return q.RaiseKnowledgeVersion(ctx, client)
	})
	if err != nil {
		return chatconnect.Document{}, err
	}
	return toDocument(row), nil
}

// PendingDocuments crosses clients by a function that may (see KeyOwner).
func (s *Store) PendingDocuments(ctx context.Context, before time.Time, limit int) ([]chatconnect.Document, error) {
	rows, err := s.pool.Query(ctx, `SELECT * FROM pending_documents($1, $2)`, before, limit)
	if err != nil {
		return nil, storeError(err)
	}
	return collectDocuments(rows)
}

// DocumentsUnderWay crosses clients as PendingDocuments does.
func (s *Store) DocumentsUnderWay(ctx context.Context, afterClient chatconnect.ClientID, afterDocument chatconnect.DocumentID, limit int) ([]chatconnect.Document, error) {
	rows, err := s.pool.Query(ctx, `SELECT * FROM documents_under_way($1::uuid, $2::uuid, $3)`,
		cmp.Or(string(afterClient), beforeAll), cmp.Or(string(afterDocument), beforeAll), limit)
	if err != nil {
		return nil, storeError(err)
	}
	return collectDocuments(rows)
}

func collectDocuments(rows pgx.Rows) ([]chatconnect.Document, error) {
	documents, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (chatconnect.Document, error) {
		document, err := pgx.RowToStructByNameLax[sqlcgen.Document](row)
		return toDocument(document), err
	})
	return documents, storeError(err)
}
