package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// postReplace takes a new file for a document. The old version answers until
// the new one is ready; if that fails, it goes on answering.
func (s *Server) postReplace(c *gin.Context) {
	document, err := s.writableDocument(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	form, err := s.stageUpload(c, true, func(named string) error {
		if named != string(document.ClientID) {
			return errClientAmbiguous
		}
		return nil
	})
	defer form.discard()
	if err == nil && len(form.files) != 1 {
		err = chatconnect.Errorf(chatconnect.KindInvalid, "file_missing", "Send exactly one file.")
	}
	if err == nil {
		err = form.files[0].err
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), commitTimeout)
	defer cancel()
	existing, err := s.Documents.DocumentByContent(ctx, document.ClientID, form.files[0].sha256)
	switch {
	case err == nil && existing.ID == document.ID && existing.Status == chatconnect.StatusReady:
		c.JSON(http.StatusOK, existing) // it is this file already
		return
	case err == nil && existing.ID != document.ID:
		err = chatconnect.ErrDuplicate
	case err == nil || errors.Is(err, chatconnect.ErrNotFound):
		document, err = s.replace(ctx, document, form.files[0])
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	s.announce(ctx, document)
	s.audit(c, document.ClientID, "document.replace", string(document.ID), map[string]any{
		"name": form.files[0].name, "version": document.Version, "sha256": form.files[0].sha256,
	})
	s.startIngestion(ctx, []chatconnect.Document{document})
	c.JSON(http.StatusAccepted, document)
}

// replace queues the file as the document's next version, or leaves nothing.
// The version is reserved before the file is stored under its number, so that
// two at once don't write over each other.
func (s *Server) replace(ctx context.Context, document chatconnect.Document, file *stagedFile) (chatconnect.Document, error) {
	fileType, err := s.DetectType(file.content, file.size, file.name)
	if err != nil {
		return document, err
	}
	version, err := s.Documents.ReserveVersion(ctx, document.ClientID, document.ID)
	if err != nil {
		return document, err
	}
	revision := chatconnect.Revision{DocumentID: document.ID, Version: version}
	key := chatconnect.SourceBlobKey(document.ClientID, revision)
	if err = s.storeFile(ctx, key, file); err == nil {
		document, err = s.Documents.ReplaceDocument(ctx, document.ClientID, revision, chatconnect.File{
			Name: file.documentName(fileType), Size: file.size, Type: fileType, SHA256: file.sha256, BlobKey: key,
		}, temporal.IngestionWorkflowID(document.ClientID, revision))
	}
	if err != nil {
		s.undo(ctx, "blob", func(ctx context.Context) error { return s.Blobs.Delete(ctx, key) })
	}
	return document, err
}
