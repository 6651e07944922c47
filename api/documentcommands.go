package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/serviceerror"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	// retryAtOnce is how many failed documents one request queues again.
	retryAtOnce = 500
	// retriesPerMinute is how many such requests a client may make: each may
	// start hundreds of workflows.
	retriesPerMinute = 20
	// endingRun is how long ago a document may have failed for its workflow to
	// be still about to end.
	endingRun = 10 * time.Second
)

// deleteDocument hides the document from search at once and has a workflow
// remove it. Repeating it is answered the same until the document is gone.
func (s *Server) deleteDocument(c *gin.Context) {
	document, err := s.writableDocument(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	before := document.Status
	if document, err = s.markDeleting(ctx, document); err != nil {
		s.fail(c, err)
		return
	}
	if before != chatconnect.StatusDeleting {
		s.announce(ctx, document)
		s.audit(c, document.ClientID, "document.delete", string(document.ID), map[string]any{"name": document.Name})
	}
	s.startCommand(ctx, "delete document", func(ctx context.Context) error {
		return temporal.StartDelete(ctx, s.Temporal, temporal.DeleteInputOf(document))
	})
	c.JSON(http.StatusAccepted, document)
}

// markDeleting marks whichever version is the newest when it gets there.
func (s *Server) markDeleting(ctx context.Context, document chatconnect.Document) (chatconnect.Document, error) {
	for range 3 {
		updated, _, err := s.Documents.UpdateProgress(ctx, document.ClientID, chatconnect.DocumentProgress{
			DocumentID: document.ID, Version: document.Version, Status: chatconnect.StatusDeleting, Stage: "Being deleted",
		})
		if err != nil || updated.Status == chatconnect.StatusDeleting {
			return updated, err
		}
		document = updated // replaced at this very moment
	}
	return document, chatconnect.Errorf(chatconnect.KindConflict, "document_changed", "The document was changed at the same moment. Please try again.")
}

// startCommand starts the workflow of a command that the database has noted.
// If that fails a worker starts it later, so it is not the caller's problem.
func (s *Server) startCommand(ctx context.Context, what string, start func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timing.startTimeout)
	defer cancel()
	if err := start(ctx); err != nil {
		s.Logger.ErrorContext(ctx, "workflow not started; a worker will start it", "what", what, "error", err)
	}
}

// postRetry queues a failed or cancelled document again.
func (s *Server) postRetry(c *gin.Context) {
	document, err := s.writableDocument(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	if document, err = s.retry(c, document); err != nil {
		s.fail(c, err)
		return
	}
	c.JSON(http.StatusAccepted, document)
}

// postRetryAll queues every failed document of a client again. One that can't
// be (its file was uploaded anew meanwhile) is left as it is.
func (s *Server) postRetryAll(c *gin.Context) {
	var in struct {
		ClientID string `json:"clientId"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	client, _, err := s.writerOf(c, in.ClientID)
	if err != nil {
		s.fail(c, err)
		return
	}
	if err := s.throttle(c, chatconnect.RateLimit{Key: string(client) + ":retry", PerMinute: retriesPerMinute}); err != nil {
		s.fail(c, err)
		return
	}
	failed, err := s.Documents.FailedDocuments(c.Request.Context(), client, retryAtOnce)
	if err != nil {
		s.fail(c, err)
		return
	}
	queued := []chatconnect.Document{}
	for _, document := range failed {
		document, err := s.retry(c, document)
		switch {
		case err == nil:
			queued = append(queued, document)
		case chatconnect.AsError(err).Kind == chatconnect.KindConflict, errors.Is(err, chatconnect.ErrNotFound):
		default:
			s.fail(c, err)
			return
		}
	}
	c.JSON(http.StatusAccepted, gin.H{"documents": queued})
}

func (s *Server) retry(c *gin.Context, document chatconnect.Document) (chatconnect.Document, error) {
	ctx := c.Request.Context()
	s.awaitEnd(ctx, document)
	document, err := s.Documents.RetryDocument(ctx, document.ClientID, document.ID)
	if err != nil {
		return document, err
	}
	s.announce(ctx, document)
	s.audit(c, document.ClientID, "document.retry", string(document.ID), map[string]any{"name": document.Name, "version": document.Version})
	s.startIngestion(context.WithoutCancel(ctx), []chatconnect.Document{document})
	return document, nil
}

// awaitEnd waits for the workflow that has just called the document failed to
// end: starting it again before would attach to it. Should it take longer, a
// worker starts the ingestion later.
func (s *Server) awaitEnd(ctx context.Context, document chatconnect.Document) {
	if !document.Status.Final() || time.Since(document.UpdatedAt) > endingRun {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.timing.startTimeout)
	defer cancel()
	id := temporal.IngestionWorkflowID(document.ClientID, chatconnect.Revision{DocumentID: document.ID, Version: document.Version})
	if err := s.Temporal.GetWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
		s.Logger.DebugContext(ctx, "previous ingestion", "workflow", id, "error", err)
	}
}

// postCancel asks a running ingestion to end. The answer is the document as it
// is now; that it was cancelled is told like every other change. Cancelling
// what is cancelled changes nothing.
func (s *Server) postCancel(c *gin.Context) {
	document, err := s.writableDocument(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	switch document.Status {
	case chatconnect.StatusCancelled:
		c.JSON(http.StatusAccepted, document)
		return
	case chatconnect.StatusDeleting:
		s.fail(c, chatconnect.ErrBeingDeleted)
		return
	case chatconnect.StatusReady, chatconnect.StatusFailed:
		s.fail(c, chatconnect.ErrNotRunning)
		return
	}
	calling, cancel := context.WithTimeout(ctx, s.timing.startTimeout)
	defer cancel()
	id := temporal.IngestionWorkflowID(document.ClientID, chatconnect.Revision{DocumentID: document.ID, Version: document.Version})
	err = s.Temporal.CancelWorkflow(calling, id, "")
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		// It has not been started yet. Should that happen at this moment, the
		// workflow finds that its version is no longer wanted.
		document, err = s.cancelQueued(ctx, document)
	}
	if err != nil {
		s.fail(c, unavailable("workflows_unavailable", "The processing can't be cancelled at this moment. Please try again.", err))
		return
	}
	s.audit(c, document.ClientID, "document.cancel", string(document.ID), map[string]any{"name": document.Name, "version": document.Version})
	c.JSON(http.StatusAccepted, document)
}

func (s *Server) cancelQueued(ctx context.Context, document chatconnect.Document) (chatconnect.Document, error) {
	const reason = "Processing was cancelled."
	var updated chatconnect.Document
	var changed bool
	var err error
	if document.ActiveVersion > 0 {
		revision := chatconnect.Revision{DocumentID: document.ID, Version: document.Version}
		updated, changed, err = s.Documents.RollBack(ctx, document.ClientID, revision,
			chatconnect.DocumentError{Code: "document_cancelled", Message: reason})
		if changed {
			s.undo(ctx, "blob", func(ctx context.Context) error {
				return s.Blobs.Delete(ctx, chatconnect.SourceBlobKey(document.ClientID, revision))
			})
		}
	} else {
		updated, changed, err = s.Documents.UpdateProgress(ctx, document.ClientID, chatconnect.DocumentProgress{
			DocumentID: document.ID, Version: document.Version, Status: chatconnect.StatusCancelled, Stage: reason,
		})
	}
	if changed {
		s.announce(ctx, updated)
	}
	return updated, err
}
