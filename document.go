package chatconnect

import "time"

// Status is where a document stands for its reader.
type Status string

const (
	StatusUploading Status = "uploading"
	StatusQueued    Status = "queued"
	StatusParsing   Status = "parsing"
	StatusChunking  Status = "chunking"
	StatusEmbedding Status = "embedding"
	StatusStoring   Status = "storing"
	StatusReady     Status = "ready"
	StatusFailed    Status = "failed"
	StatusCancelled Status = "cancelled"
	StatusDeleting  Status = "deleting"

	// StatusDeleted is never stored: a document published with it is gone.
	StatusDeleted Status = "deleted"
)

// Final reports whether ingestion of the version has ended.
func (s Status) Final() bool {
	return s == StatusReady || s == StatusFailed || s == StatusCancelled
}

// FileType is what a file is by its content, never by its name.
type FileType string

const (
	TypePDF  FileType = "pdf"
	TypeDOCX FileType = "docx"
	TypeTXT  FileType = "txt"
	TypeCSV  FileType = "csv"
)

// Document is one uploaded file. Version is the newest, from 1, and rises with
// each replacement; ActiveVersion is the one that search sees, 0 before the
// first is ready. A document whose replacement failed or was cancelled is ready
// as before, with an Error and ActiveVersion below Version.
type Document struct {
	ID            DocumentID     `json:"id"`
	ClientID      ClientID       `json:"clientId"`
	Name          string         `json:"name"`
	Size          int64          `json:"size"` // bytes
	Type          FileType       `json:"type"`
	Status        Status         `json:"status"`
	Stage         string         `json:"stage"`    // one sentence for people: "Reading page 3 of 10"
	Progress      int            `json:"progress"` // percent, 0-100, never falls within a version
	ChunksTotal   int            `json:"chunksTotal"`
	ChunksDone    int            `json:"chunksDone"`
	Version       int            `json:"version"`
	ActiveVersion int            `json:"-"`
	Error         *DocumentError `json:"error"`
	SHA256        string         `json:"-"` // hex
	BlobKey       string         `json:"-"`
	WorkflowID    string         `json:"-"`
	// Stages are those the newest version has gone through since it was queued,
	// in their order; the last may be running.
	Stages []StageTime `json:"stages,omitempty"`
	// Replacement is the file of Version while it is being ingested beside
	// ActiveVersion, of which the fields above speak until then.
	Replacement *File     `json:"-"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// Stages of ingestion, as StageTime names them.
const (
	StageUpload   = "upload"
	StageQueue    = "queue"
	StageParse    = "parse"
	StageChunk    = "chunk"
	StageEmbed    = "embed"
	StageActivate = "activate"
)

// StageTime is when a stage began and how long it took, by the database's
// clock. What lies between the end of one and the beginning of the next was
// spent waiting for a turn.
type StageTime struct {
	Name         string    `json:"name"`
	StartedAt    time.Time `json:"startedAt"`
	Milliseconds *int64    `json:"ms,omitempty"` // nil while it runs
}

// IngestionCost is what a version took to become searchable, apart from time
// and from the tokens noted with DocumentStore.AddEmbeddingUsage.
type IngestionCost struct {
	Chunks         int
	Tokens         int // of the chunks, cl100k_base
	EmbeddingModel string
}

// File is what a version is made of.
type File struct {
	Name    string   `json:"name"`
	Size    int64    `json:"size"` // bytes
	Type    FileType `json:"type"`
	SHA256  string   `json:"sha256"` // hex
	BlobKey string   `json:"blobKey"`
}

// DocumentError says why ingestion failed and what a person can do about it.
type DocumentError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Codes of a failed document. They are part of the API.
const (
	CodeFileEmpty           = "file_empty"
	CodeFileTooLarge        = "file_too_large"
	CodeFileTypeUnsupported = "file_type_unsupported"
	CodePasswordProtected   = "document_password_protected"
	CodeScanned             = "document_scanned"
	CodeCorrupt             = "document_corrupt"
	CodeNoText              = "document_no_text"
	CodeUploadIncomplete    = "upload_incomplete" // the file never reached storage
	CodeTooManyPages        = "document_too_many_pages"
	CodeTooComplex          = "document_too_complex" // over the parser's time, memory or output limits
)

// Codes of a Parser that could not do its work. A document waits for it and
// never ends with one of them.
const (
	CodeParserUnavailable = "parser_unavailable" // it can't start, whatever the document
	CodeParserStopped     = "parser_stopped"     // it ended on this document, and the cause is not known
)

// DocumentProgress is one step forward of one version of a document. Fields
// with their zero value leave what is stored unchanged, except Status.
type DocumentProgress struct {
	DocumentID  DocumentID
	Version     int
	Status      Status
	Stage       string
	StageEnded  bool // the stage of Status is over, though the next has not begun
	Progress    int  // percent
	ChunksTotal int
	ChunksDone  int
	Error       *DocumentError // with StatusFailed
}

// Block is a piece of a parsed document that stays together for citations.
type Block struct {
	Text    string `json:"text"`              // valid UTF-8
	Page    int    `json:"page,omitempty"`    // from 1, PDF
	Row     int    `json:"row,omitempty"`     // from 1, CSV data rows, the header not counted
	Section string `json:"section,omitempty"` // nearest headings, "Prices > Shipping"
}

// Chunk is the unit of retrieval. Postgres is its source of truth, so that
// re-embedding never parses again.
type Chunk struct {
	DocumentID DocumentID `json:"documentId"`
	Version    int        `json:"version"`
	Index      int        `json:"index"` // from 0, dense
	Content    string     `json:"content"`
	Tokens     int        `json:"tokens"` // cl100k_base
	Page       int        `json:"page,omitempty"`
	Row        int        `json:"row,omitempty"`
	Section    string     `json:"section,omitempty"`
}

// DocumentFilter pages through a client's documents, newest first.
type DocumentFilter struct {
	Cursor string // opaque, from the last page
	Limit  int    // 1-200
}
