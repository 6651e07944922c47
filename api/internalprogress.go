package api

import (
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

const (
	stageQueued = "Waiting to be read"
	maxStage    = 200 // code points of a published sentence
	// maxPublished leaves the last percent to the workflow, which alone knows
	// that search sees the document.
	maxPublished = 99
)

// documentProgress answers the internal endpoints of documents.
type documentProgress struct {
	DocumentID  chatconnect.DocumentID     `json:"document_id"`
	ClientID    chatconnect.ClientID       `json:"client_id"`
	Name        string                     `json:"name"`
	Version     int                        `json:"version"`
	Status      chatconnect.Status         `json:"status"`
	Stage       string                     `json:"stage"`
	Progress    int                        `json:"progress"`
	ChunksTotal int                        `json:"chunks_total"`
	ChunksDone  int                        `json:"chunks_done"`
	Error       *chatconnect.DocumentError `json:"error"`
	UpdatedAt   time.Time                  `json:"updated_at"`
}

func progressOf(d chatconnect.Document) documentProgress {
	return documentProgress{
		DocumentID: d.ID, ClientID: d.ClientID, Name: d.Name, Version: d.Version, Status: d.Status, Stage: d.Stage,
		Progress: d.Progress, ChunksTotal: d.ChunksTotal, ChunksDone: d.ChunksDone, Error: d.Error, UpdatedAt: d.UpdatedAt,
	}
}

// postDocumentProgress answers a document's progress. With a status, a stage
// or a progress it first publishes that step, to the row and to the open
// dashboards, under the rules every step is under: nothing goes back, and what
// has ended stays as it is. Ends are the workflow's to decide: a document is
// ready when search sees it, whatever anybody says.
func (s *Server) postDocumentProgress(c *gin.Context) {
	var in struct {
		DocumentID string              `json:"document_id"`
		ClientID   string              `json:"client_id"`
		Status     *chatconnect.Status `json:"status"`
		Stage      *string             `json:"stage"`
		Progress   *int                `json:"progress"`
	}
	if err := decodeJSON(c, maxBody, &in); err != nil {
		s.fail(c, err)
		return
	}
	client, id, err := documentRef(in.ClientID, in.DocumentID)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Request = c.Request.WithContext(telemetry.WithClientID(c.Request.Context(), client))
	ctx := c.Request.Context()
	step, err := progressStep(in.Status, in.Stage, in.Progress)
	if err != nil {
		s.fail(c, err)
		return
	}
	document, err := s.Documents.Document(ctx, client, id)
	if err != nil {
		s.fail(c, err)
		return
	}
	if step != nil {
		step.DocumentID, step.Version = id, document.Version
		if step.Status == "" {
			step.Status = document.Status
		}
		// A document that has ended, or whose file is not there yet, is left alone.
		if open := !document.Status.Final() && document.Status != chatconnect.StatusDeleting && document.Status != chatconnect.StatusUploading; open {
			var changed bool
			if document, changed, err = s.Documents.UpdateProgress(ctx, client, *step); err != nil {
				s.fail(c, err)
				return
			}
			if changed {
				s.announce(ctx, document)
			}
		}
	}
	c.JSON(http.StatusOK, progressOf(document))
}

// progressStep is nil if nothing is to be published.
func progressStep(status *chatconnect.Status, stage *string, progress *int) (*chatconnect.DocumentProgress, error) {
	if status == nil && stage == nil && progress == nil {
		return nil, nil //nolint:nilnil // nothing to publish is not an error
	}
	step := &chatconnect.DocumentProgress{}
	if status != nil {
		switch step.Status = *status; step.Status {
		case chatconnect.StatusQueued, chatconnect.StatusParsing, chatconnect.StatusChunking, chatconnect.StatusEmbedding, chatconnect.StatusStoring:
		default:
			return nil, chatconnect.Errorf(chatconnect.KindInvalid, "status_invalid", "status can be set to queued, parsing, chunking, embedding or storing.")
		}
	}
	if stage != nil {
		if step.Stage = cleanText(*stage); step.Stage == "" || utf8.RuneCountInString(step.Stage) > maxStage {
			return nil, chatconnect.Errorf(chatconnect.KindInvalid, "stage_invalid", "stage is a sentence of at most %d characters.", maxStage)
		}
	}
	if progress != nil {
		if step.Progress = *progress; step.Progress < 0 || step.Progress > maxPublished {
			return nil, chatconnect.Errorf(chatconnect.KindInvalid, "progress_invalid", "progress is a number from 0 to %d.", maxPublished)
		}
	}
	return step, nil
}
