package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	maxUploadFiles  = 50      // in one request
	uploadFormSlack = 1 << 20 // bytes of part headers and other fields
	commitTimeout   = 2 * time.Minute
)

// postUpload takes one or more files of a client, who is named in the query or
// in the form before the files: nothing is staged for those who may not upload.
//
// Everything is staged before anything is created: a request that breaks off
// half-way must leave nothing. From then on the work no longer depends on the
// sender staying.
func (s *Server) postUpload(c *gin.Context) {
	var owner chatconnect.ClientID
	authorise := func(named string) (err error) {
		if owner != "" && named != string(owner) {
			return errClientAmbiguous
		}
		owner, _, err = s.writerOf(c, named)
		return err
	}
	if named := c.Query("clientId"); named != "" {
		if err := authorise(named); err != nil {
			s.fail(c, err)
			return
		}
	}
	form, err := s.stageUpload(c, owner != "", authorise)
	defer form.discard()
	if err == nil && owner == "" {
		err = errClientFirst
	}
	if err != nil {
		s.fail(c, err)
		return
	}
	if len(form.files) == 0 {
		s.fail(c, chatconnect.Errorf(chatconnect.KindInvalid, "file_missing", "There is no file in the request."))
		return
	}

	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), commitTimeout)
	defer cancel()
	documents, refused := []chatconnect.Document{}, []FileProblem{}
	accepted, duplicates := []chatconnect.Document{}, []duplicateFile{}
	var firstRefusal error
	for _, file := range form.files {
		document, duplicate, err := s.acceptFile(ctx, owner, file)
		if err != nil {
			e := chatconnect.AsError(err)
			s.Logger.InfoContext(ctx, "file refused", "name", file.name, "code", e.Code, "error", err)
			refused = append(refused, FileProblem{Name: file.name, Code: e.Code, Message: e.Message})
			if firstRefusal == nil {
				firstRefusal = err
			}
			continue
		}
		documents = append(documents, document)
		if duplicate {
			duplicates = append(duplicates, duplicateFile{Name: file.name, DocumentID: document.ID})
			continue
		}
		accepted = append(accepted, document)
		s.audit(c, owner, "document.upload", string(document.ID), map[string]any{
			"name": document.Name, "size": document.Size, "type": document.Type, "sha256": document.SHA256,
		})
	}
	if len(documents) == 0 {
		s.failFiles(c, firstRefusal, refused)
		return
	}
	s.startIngestion(ctx, accepted)
	status := http.StatusAccepted
	if len(accepted) == 0 {
		status = http.StatusOK // all of it was there
	}
	c.JSON(status, struct {
		Documents  []chatconnect.Document `json:"documents"`
		Duplicates []duplicateFile        `json:"duplicates"`
		Errors     []FileProblem          `json:"errors"`
	}{documents, duplicates, refused})
}

// duplicateFile is an uploaded file whose content the client has already.
type duplicateFile struct {
	Name       string                 `json:"name"` // as uploaded
	DocumentID chatconnect.DocumentID `json:"documentId"`
}

// acceptFile turns a staged file into a queued document, or leaves nothing.
// If the client has its content already, it returns that document and true:
// the database lets only one of several simultaneous uploads through.
func (s *Server) acceptFile(ctx context.Context, owner chatconnect.ClientID, file *stagedFile) (document chatconnect.Document, duplicate bool, err error) {
	if file.err != nil {
		return chatconnect.Document{}, false, file.err
	}
	fileType, err := s.DetectType(file.content, file.size, file.name)
	if err != nil {
		return chatconnect.Document{}, false, err
	}
	for range 3 { // the other one may end badly, or be deleted, between the two steps
		document, err = s.Documents.DocumentByContent(ctx, owner, file.sha256)
		if !errors.Is(err, chatconnect.ErrNotFound) {
			return document, err == nil, err
		}
		document, err = s.createDocument(ctx, owner, file, fileType)
		if !errors.Is(err, chatconnect.ErrDuplicate) {
			break
		}
	}
	return document, false, err
}

func (s *Server) createDocument(ctx context.Context, owner chatconnect.ClientID, file *stagedFile, fileType chatconnect.FileType) (chatconnect.Document, error) {
	id := chatconnect.DocumentID(newID())
	revision := chatconnect.Revision{DocumentID: id, Version: 1}
	key := chatconnect.SourceBlobKey(owner, revision)
	now := time.Now().UTC()
	document := chatconnect.Document{
		ID: id, ClientID: owner, Name: file.documentName(fileType), Size: file.size, Type: fileType,
		Status: chatconnect.StatusQueued, Stage: "Waiting to be read", Version: 1,
		SHA256: file.sha256, BlobKey: key, WorkflowID: temporal.IngestionWorkflowID(owner, revision),
		CreatedAt: now, UpdatedAt: now,
	}
	if err := s.storeFile(ctx, key, file); err != nil {
		s.undo(ctx, "blob", func(ctx context.Context) error { return s.Blobs.Delete(ctx, key) })
		return chatconnect.Document{}, err
	}
	created, err := s.Documents.CreateDocument(ctx, owner, document)
	if err != nil {
		// The row may be there all the same, if only the answer got lost.
		s.undo(ctx, "document", func(ctx context.Context) error { return s.Documents.DeleteDocument(ctx, owner, id) })
		s.undo(ctx, "blob", func(ctx context.Context) error { return s.Blobs.Delete(ctx, key) })
		return chatconnect.Document{}, fmt.Errorf("create document: %w", err)
	}
	s.announce(ctx, created)
	return created, nil
}

func (s *Server) storeFile(ctx context.Context, key string, file *stagedFile) error {
	if _, err := file.content.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind staged file: %w", err)
	}
	size, err := s.Blobs.Put(ctx, key, file.content)
	if err != nil {
		return unavailable("storage_unavailable", "The file could not be stored. Please try again.", fmt.Errorf("store blob: %w", err))
	}
	if size != file.size {
		return fmt.Errorf("store blob: %d of %d bytes arrived", size, file.size)
	}
	return nil
}

// undo removes what a failed step may have left, even when its context is
// what failed.
func (s *Server) undo(ctx context.Context, what string, remove func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timing.dependency)
	defer cancel()
	if err := remove(ctx); err != nil && !errors.Is(err, chatconnect.ErrNotFound) {
		s.Logger.ErrorContext(ctx, "left behind by a failed upload", "what", what, "error", err)
	}
}

// announce tells the open dashboards; they would find out at their next
// snapshot anyway.
func (s *Server) announce(ctx context.Context, document chatconnect.Document) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := s.Progress.PublishDocument(ctx, document); err != nil {
		s.Logger.WarnContext(ctx, "announce document", "document_id", document.ID, "error", err)
	}
}

// startIngestion starts the documents' workflows. Those it can't start stay
// queued, and a worker starts them later (DocumentStore.PendingDocuments): the
// files are safe, so an outage of Temporal is not the uploader's problem.
func (s *Server) startIngestion(ctx context.Context, documents []chatconnect.Document) {
	ctx, cancel := context.WithTimeout(ctx, s.timing.startTimeout)
	defer cancel()
	for _, d := range documents {
		err := temporal.StartIngestion(ctx, s.Temporal, temporal.IngestInputOf(d))
		if err != nil {
			s.Logger.ErrorContext(ctx, "start ingestion; the document stays queued", "document_id", d.ID, "error", err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}
