package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	// documentBodiesAtOnce bounds the memory that files in JSON take: unlike an
	// upload, which is streamed, each is held about four times.
	documentBodiesAtOnce = 4
)

// errDocumentExists refuses a document_id that stands for another file.
var errDocumentExists = chatconnect.Errorf(chatconnect.KindConflict, "document_exists",
	"There is a document with this document_id and other content. Replace it, or choose another id.")

// namedFile is a file whose sender chose the document's id.
type namedFile struct {
	client  chatconnect.ClientID
	id      chatconnect.DocumentID
	name    string
	content []byte
	sha256  string
	kind    chatconnect.FileType
}

// postProcessDocument takes a file as base64 from one of the operator's own
// services. The document_id makes it repeatable: the same file again answers
// with the document as it stands, and heals what an earlier request that broke
// off may have left.
func (s *Server) postProcessDocument(c *gin.Context) {
	file, err := s.readNamedFile(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Request = c.Request.WithContext(telemetry.WithClientID(c.Request.Context(), file.client))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), commitTimeout)
	defer cancel()
	document, created, err := s.acceptNamedFile(ctx, file)
	if err != nil {
		s.fail(c, err)
		return
	}
	status := http.StatusOK
	if created {
		status = http.StatusAccepted
		s.audit(c, file.client, "document.upload", string(document.ID), map[string]any{
			"name": document.Name, "size": document.Size, "type": document.Type, "sha256": document.SHA256, "via": "process-document",
		})
	}
	if !document.Status.Final() && document.Status != chatconnect.StatusDeleting {
		s.startIngestion(ctx, []chatconnect.Document{document})
	}
	c.JSON(status, progressOf(document))
}

// readNamedFile reads and checks the request.
func (s *Server) readNamedFile(c *gin.Context) (*namedFile, error) {
	leave, err := s.enterDocumentBody(c.Request.Context())
	if err != nil {
		return nil, err
	}
	defer leave()
	var in struct {
		ClientID   string `json:"client_id"`
		DocumentID string `json:"document_id"`
		FileData   string `json:"file_data"`
		FileType   string `json:"file_type"`
		Name       string `json:"name"`
	}
	encoded := int64(base64.StdEncoding.EncodedLen(int(s.MaxFileSize)))
	encoded += encoded / 16 // line ends
	s.takeSteadily(c, largeBodyTimeout)
	if err := decodeJSON(c, encoded+maxBody, &in); err != nil {
		return nil, err
	}
	client, id, err := documentRef(in.ClientID, in.DocumentID)
	if err != nil {
		return nil, err
	}
	declared, err := declaredType(in.FileType)
	if err != nil {
		return nil, err
	}
	content, err := base64.StdEncoding.DecodeString(in.FileData)
	switch {
	case err != nil:
		return nil, chatconnect.Errorf(chatconnect.KindInvalid, "file_data_invalid", "file_data is not base64 (RFC 4648, section 4).").Because(err)
	case len(content) == 0:
		return nil, chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeFileEmpty, "The file is empty.")
	case int64(len(content)) > s.MaxFileSize:
		return nil, fileTooLarge(s.MaxFileSize)
	}
	if _, err := s.Clients.Client(c.Request.Context(), client); err != nil {
		return nil, err
	}
	file := &namedFile{client: client, id: id, name: cleanFileName(in.Name), content: content}
	hint := file.name // settles CSV or plain text, as with uploads
	if hint == "" {
		hint = "document." + string(declared)
	}
	if file.kind, err = s.DetectType(bytes.NewReader(content), int64(len(content)), hint); err != nil {
		return nil, err
	}
	if file.name == "" {
		file.name = "document." + string(file.kind)
	}
	sum := sha256.Sum256(content)
	file.sha256 = hex.EncodeToString(sum[:])
	return file, nil
}

// enterDocumentBody waits a short time for one of the places of files in JSON.
func (s *Server) enterDocumentBody(ctx context.Context) (leave func(), err error) {
	wait := time.NewTimer(s.timing.documentWait)
	defer wait.Stop()
	select {
	case s.documentBodies <- struct{}{}:
		return func() { <-s.documentBodies }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait.C:
		return nil, s.uploadSpace.refuse(chatconnect.KindUnavailable, "uploads_busy", "Too many uploads are under way. Please try again in a moment.")
	}
}

// acceptNamedFile returns the queued document, or the one that is there.
//
// The row comes first, as StatusUploading, because only it can decide between
// two requests with one id; what is stored after it is the same content
// whoever stores it. A request that dies in between is completed by its
// repetition.
func (s *Server) acceptNamedFile(ctx context.Context, file *namedFile) (document chatconnect.Document, created bool, err error) {
	document, err = s.Documents.Document(ctx, file.client, file.id)
	if errors.Is(err, chatconnect.ErrNotFound) {
		document, created, err = s.createNamed(ctx, file)
	}
	switch {
	case err != nil:
		return document, false, err
	case document.SHA256 != file.sha256:
		return document, false, errDocumentExists
	case document.Status != chatconnect.StatusUploading && !uploadGivenUp(document):
		return document, created, nil
	}
	if err := s.storeNamed(ctx, document.BlobKey, file.content); err != nil {
		return document, false, err
	}
	if uploadGivenUp(document) {
		if document, err = s.Documents.RetryDocument(ctx, file.client, file.id); err == nil {
			s.announce(ctx, document)
		}
		return document, false, err
	}
	document, changed, err := s.Documents.UpdateProgress(ctx, file.client, chatconnect.DocumentProgress{
		DocumentID: file.id, Version: document.Version, Status: chatconnect.StatusQueued, Stage: stageQueued,
	})
	if err != nil {
		return document, false, err
	}
	if changed {
		s.announce(ctx, document)
	}
	return document, created, nil
}

// uploadGivenUp reports whether only the file is missing, because a request
// broke off so long ago that a worker has called it failed.
func uploadGivenUp(d chatconnect.Document) bool {
	return d.Status == chatconnect.StatusFailed && d.Error != nil && d.Error.Code == chatconnect.CodeUploadIncomplete
}

// createNamed makes the row. Of two requests at once one makes it and the
// other finds it.
func (s *Server) createNamed(ctx context.Context, file *namedFile) (chatconnect.Document, bool, error) {
	revision := chatconnect.Revision{DocumentID: file.id, Version: 1}
	now := time.Now().UTC()
	document, err := s.Documents.CreateDocument(ctx, file.client, chatconnect.Document{
		ID: file.id, ClientID: file.client, Name: file.name, Size: int64(len(file.content)), Type: file.kind,
		Status: chatconnect.StatusUploading, Stage: "Storing the file", Version: 1, SHA256: file.sha256,
		BlobKey: chatconnect.SourceBlobKey(file.client, revision), WorkflowID: temporal.IngestionWorkflowID(file.client, revision),
		CreatedAt: now, UpdatedAt: now,
	})
	if err == nil {
		return document, true, nil
	}
	if chatconnect.AsError(err).Kind == chatconnect.KindConflict {
		if there, again := s.Documents.Document(ctx, file.client, file.id); again == nil {
			return there, false, nil
		}
	}
	return chatconnect.Document{}, false, fmt.Errorf("create document: %w", err)
}

func (s *Server) storeNamed(ctx context.Context, key string, content []byte) error {
	size, err := s.Blobs.Put(ctx, key, bytes.NewReader(content))
	if err == nil && size != int64(len(content)) {
		err = fmt.Errorf("%d of %d bytes arrived", size, len(content))
	}
	if err != nil {
		return unavailable("storage_unavailable", "The file could not be stored. Please try again.", fmt.Errorf("store blob: %w", err))
	}
	return nil
}

// documentRef checks the ids of an internal request.
func documentRef(client, document string) (chatconnect.ClientID, chatconnect.DocumentID, error) {
	switch {
	case client == "":
		return "", "", chatconnect.Errorf(chatconnect.KindInvalid, "client_id_missing", "client_id is missing.")
	case !chatconnect.ValidUUID(document):
		return "", "", chatconnect.Errorf(chatconnect.KindInvalid, "document_id_invalid", "document_id must be a UUID in lower case.")
	case !chatconnect.ValidUUID(client):
		return "", "", chatconnect.ErrNotFound
	}
	return chatconnect.ClientID(client), chatconnect.DocumentID(document), nil
}

// declaredTypes are the names a sender may use. The content decides all the
// same; only between CSV and plain text the name counts.
var declaredTypes = map[string]chatconnect.FileType{
	"pdf": chatconnect.TypePDF, "application/pdf": chatconnect.TypePDF,
	"docx": chatconnect.TypeDOCX,
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": chatconnect.TypeDOCX,
	"txt": chatconnect.TypeTXT, "text/plain": chatconnect.TypeTXT,
	"csv": chatconnect.TypeCSV, "text/csv": chatconnect.TypeCSV,
}

func declaredType(name string) (chatconnect.FileType, error) {
	name = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(name), "."))
	if media, _, err := mime.ParseMediaType(name); err == nil {
		name = media
	}
	declared, known := declaredTypes[name]
	if !known {
		return "", chatconnect.Errorf(chatconnect.KindUnsupported, chatconnect.CodeFileTypeUnsupported, "file_type must be pdf, docx, txt or csv.")
	}
	return declared, nil
}
