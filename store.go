package chatconnect

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"
)

// UserStore keeps accounts and what they belong to.
type UserStore interface {
	// CreateUser returns ErrEmailTaken if the address is in use.
	CreateUser(ctx context.Context, user User, passwordHash string) (User, error)
	// UserByEmail returns the user and the password hash, or ErrNotFound.
	UserByEmail(ctx context.Context, email string) (User, string, error)
	User(ctx context.Context, id UserID) (User, error)
	// Clients lists the clients the user is a member of, with the user's role.
	Clients(ctx context.Context, id UserID) ([]Client, error)
	// Role returns the user's role in the client, or ErrNotFound.
	Role(ctx context.Context, client ClientID, user UserID) (Role, error)
}

// AccountTerms are what else must hold for an account to be made.
type AccountTerms struct {
	First     bool   // there is no account yet; of several at once one wins
	TokenHash []byte // of a token for the user's address that is used up by this; nil: none
}

// AccountStore keeps what comes before an account.
type AccountStore interface {
	// CreateUserWith makes an account if its terms hold, all at once.
	// ErrRegistrationClosed if it isn't the first, ErrNotFound if the token is
	// unknown, used, expired or another address's, ErrEmailTaken.
	CreateUserWith(ctx context.Context, user User, passwordHash string, terms AccountTerms) (User, error)
	HasUsers(ctx context.Context) (bool, error)
	// CreateAccountToken keeps a token by its SHA-256. It keeps none if its
	// address had perHour of that purpose within the hour; 0 sets no limit.
	CreateAccountToken(ctx context.Context, token AccountToken, hash []byte, perHour int) (created bool, err error)
	// AccountToken returns one that has not expired, used or not, or ErrNotFound.
	AccountToken(ctx context.Context, purpose TokenPurpose, hash []byte) (AccountToken, error)
}

// ClientStore keeps tenants, their keys and their widget.
type ClientStore interface {
	// CreateClient creates the client with its owner's membership, default
	// widget and first publishable key, in one transaction. ErrClientsLimit if the
	// owner has as many as an account may.
	CreateClient(ctx context.Context, client Client, owner UserID) (Client, error)
	Client(ctx context.Context, id ClientID) (Client, error)
	// SetPlan is OperatorStore's.
	SetPlan(ctx context.Context, client ClientID, change PlanChange, by string) (Client, error)
	// Quotas returns what the client has and may have.
	Quotas(ctx context.Context, client ClientID) (Quotas, error)
	UpdateClient(ctx context.Context, id ClientID, patch ClientPatch) (Client, error)
	// CreateKey returns ErrKeysLimit if the client has as many as it may.
	CreateKey(ctx context.Context, client ClientID, key APIKey, tokenHash []byte) (APIKey, error)
	Keys(ctx context.Context, client ClientID) ([]APIKey, error)
	RevokeKey(ctx context.Context, client ClientID, key APIKeyID) error
	// KeyOwner looks a key up by SHA-256(token); it is the one read that
	// precedes knowing the client. ErrAPIKeyInvalid if none is valid.
	KeyOwner(ctx context.Context, tokenHash []byte) (KeyOwner, error)
	Widget(ctx context.Context, client ClientID) (WidgetConfig, error)
	SaveWidget(ctx context.Context, client ClientID, widget WidgetConfig) (WidgetConfig, error)
	Audit(ctx context.Context, event AuditEvent) error
	// BeginPurge marks the client as being deleted at its owner's wish: its keys
	// stop, and to everybody it no longer exists. Repeating it changes nothing.
	// ErrNotFound for strangers, ErrForbidden for members who aren't owners.
	BeginPurge(ctx context.Context, client ClientID, user UserID) error
}

// PurgeStore is what the deletion of a client needs of the database.
type PurgeStore interface {
	// ClientRows counts the client's rows in all tables but the record of
	// purges, which outlives the client.
	ClientRows(ctx context.Context, client ClientID) (int, error)
	// PurgeRows deletes them, if BeginPurge was called.
	PurgeRows(ctx context.Context, client ClientID) error
	// RecordPurge keeps what there was to remove; the first call counts.
	RecordPurge(ctx context.Context, client ClientID, removed map[string]int) error
	// FinishPurge notes that nothing is left.
	FinishPurge(ctx context.Context, client ClientID) error
	// PendingPurges lists clients whose purge was asked for before and has not
	// finished.
	PendingPurges(ctx context.Context, before time.Time, limit int) ([]ClientID, error)
}

// ClientCache is what Redis keeps of a client: cached searches, relays, counts
// of requests. All of it ends by itself within an hour.
type ClientCache interface {
	CountClient(ctx context.Context, client ClientID) (int, error) // keys
	DeleteClient(ctx context.Context, client ClientID) error
}

// DocumentStore keeps documents and their chunks.
type DocumentStore interface {
	// CreateDocument returns ErrDocumentsLimit or ErrStorageLimit if the client
	// has as much as it may.
	CreateDocument(ctx context.Context, client ClientID, document Document) (Document, error)
	Document(ctx context.Context, client ClientID, id DocumentID) (Document, error)
	// Documents lists a page, newest first, and the cursor of the next, empty
	// at the end.
	Documents(ctx context.Context, client ClientID, filter DocumentFilter) ([]Document, string, error)
	DeleteDocument(ctx context.Context, client ClientID, id DocumentID) error
	// DocumentByContent finds the document with this SHA-256 (hex) that is
	// neither failed, cancelled nor being deleted, or ErrNotFound. There is at
	// most one: creating another is ErrDuplicate.
	DocumentByContent(ctx context.Context, client ClientID, sha256 string) (Document, error)
	// RetryDocument queues a failed or cancelled document again, the same
	// version. ErrNotRetryable if it is neither, ErrDuplicate if its content has
	// been uploaded anew meanwhile.
	RetryDocument(ctx context.Context, client ClientID, id DocumentID) (Document, error)
	// ReserveVersion gives out a version number for a replacement, never the same
	// twice. ErrBusy if the document is being ingested, ErrBeingDeleted.
	ReserveVersion(ctx context.Context, client ClientID, id DocumentID) (int, error)
	// ReplaceDocument queues the reserved version, whose file has been stored.
	// The errors are those of ReserveVersion: of several that reserved one, the
	// first wins. ErrStorageLimit if the file would exceed the client's storage.
	ReplaceDocument(ctx context.Context, client ClientID, revision Revision, file File, workflowID string) (Document, error)
	// RollBack gives up a version beside the active one: the document is ready
	// as it was, with the error. Search never sees what the version may still
	// leave. changed is false if there is no such version under way.
	RollBack(ctx context.Context, client ClientID, revision Revision, reason DocumentError) (document Document, changed bool, err error)
	// FailedDocuments lists at most limit failed ones, oldest first.
	FailedDocuments(ctx context.Context, client ClientID, limit int) ([]Document, error)
	// UpdateProgress moves a version forward and returns the document as it
	// now stands. Progress and ChunksDone never fall; a version that is final
	// or superseded is left alone, and changed is false.
	UpdateProgress(ctx context.Context, client ClientID, progress DocumentProgress) (document Document, changed bool, err error)
	// CompleteBatch counts a stored batch once: batch is its index, and a
	// repeated call for the same batch changes nothing. Progress follows.
	CompleteBatch(ctx context.Context, client ClientID, revision Revision, batch, chunks int) (Document, error)
	// AddEmbeddingUsage notes what was spent on a revision, and counts it for the
	// client's usage and budget. Repeating it counts it again. A revision that is
	// gone keeps nothing; the client's usage keeps it all the same.
	AddEmbeddingUsage(ctx context.Context, client ClientID, revision Revision, spent Completion) error
	// ReplaceChunks stores all chunks of a revision in place of any it had. The
	// tokens spent on it stay.
	ReplaceChunks(ctx context.Context, client ClientID, revision Revision, chunks []Chunk) error
	// Chunks returns the chunks with from <= index < to, in order.
	Chunks(ctx context.Context, client ClientID, revision Revision, from, to int) ([]Chunk, error)
	DeleteChunks(ctx context.Context, client ClientID, revision Revision) error
	// Activate makes the revision the one search sees, marks the document
	// ready, raises the client's knowledge version and records what the
	// ingestion cost, once for each version, in one transaction.
	Activate(ctx context.Context, client ClientID, revision Revision, cost IngestionCost) (Document, error)
	// Knowledge returns the client's knowledge version and the revisions that
	// search must not see, read in one snapshot.
	Knowledge(ctx context.Context, client ClientID) (Knowledge, error)
	// PendingDocuments draws, over all clients, documents whose ingestion or
	// deletion has not ended and that have not changed since before: what a
	// restarted process makes sure has a workflow. If there are more than limit,
	// each call draws others, as many of one client as of another.
	PendingDocuments(ctx context.Context, before time.Time, limit int) ([]Document, error)
	// DocumentsUnderWay lists at most limit of them after the given document,
	// changed or not, ordered by client and document; the zero values begin.
	DocumentsUnderWay(ctx context.Context, afterClient ClientID, afterDocument DocumentID, limit int) ([]Document, error)
}

// Knowledge is what a client's search sees at one moment.
type Knowledge struct {
	Version  int64 // raised by every change of the searchable documents
	Ready    int   // documents that search sees
	Inactive []Revision
}

// ChatStore keeps conversations and usage.
type ChatStore interface {
	// ChatContext reads what an answer depends on, with the last n turns
	// of the session that have an answer, in one round trip.
	ChatContext(ctx context.Context, client ClientID, session SessionID, n int) (ChatContext, error)
	// WarnOfBudget notes in the audit trail that the budget is nearly used up,
	// once a month; first tells whether this call did.
	WarnOfBudget(ctx context.Context, client ClientID, budget TokenBudget) (first bool, err error)
	// LogChat writes the session, the log line and the usage in one
	// transaction; repeating it for the same message changes nothing.
	LogChat(ctx context.Context, log ChatLog) error
	// AddUsage counts what a call spent that came to nothing, for the day of
	// asked and for the budget. Repeating it counts it again.
	AddUsage(ctx context.Context, client ClientID, asked time.Time, spent Completion) error
}

// ConversationStore is what visitors and members read and write of what was
// said.
type ConversationStore interface {
	// ClaimSession reports whether the session is the claimant's, as it is from
	// now on if nobody has begun it. Claims outlive the conversation.
	ClaimSession(ctx context.Context, client ClientID, claim SessionClaim) (held bool, err error)
	// SaveFeedback keeps a visitor's opinion in place of an earlier one. Unless
	// asked says that the question is known to have been asked, it must have
	// been logged: else it is ErrNotFound, and nothing is kept.
	SaveFeedback(ctx context.Context, client ClientID, feedback Feedback, asked bool) error
	// Exchanges returns the last n of a session, oldest first; none for a session
	// that nothing is kept of.
	Exchanges(ctx context.Context, client ClientID, session SessionID, n int) ([]Exchange, error)
	// Conversations lists a page, the latest first, and the cursor of the next,
	// empty at the end.
	Conversations(ctx context.Context, client ClientID, filter ConversationFilter) ([]Conversation, string, error)
	// EachExchange calls do with every exchange that meets the filter, the latest
	// first, at most most of them.
	EachExchange(ctx context.Context, client ClientID, filter ConversationFilter, most int, do func(Exchange) error) error
	// Usage returns the days with from <= day < to, each with its models.
	Usage(ctx context.Context, client ClientID, from, to time.Time) ([]DayUsage, error)
}

// RetentionStore forgets conversations.
type RetentionStore interface {
	// Retentions lists clients that have set one, behind after in the order of
	// their ids.
	Retentions(ctx context.Context, after ClientID, limit int) ([]Retention, error)
	// ForgetChats deletes at most limit of the client's exchanges, sessions and
	// opinions each that are older than before, and returns how many rows are
	// gone. Usage stays.
	ForgetChats(ctx context.Context, client ClientID, before time.Time, limit int) (int, error)
}

// BlobStore keeps files. Keys are made by BlobKey functions, and start with
// the client.
type BlobStore interface {
	Put(ctx context.Context, key string, content io.Reader) (size int64, err error)
	// Open returns ErrNotFound if there is no such blob.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	// Delete removes a blob; a missing one is no error.
	Delete(ctx context.Context, key string) error
	// DeletePrefix removes every blob whose key starts with prefix.
	DeletePrefix(ctx context.Context, prefix string) error
	// CountPrefix counts the blobs whose key starts with prefix.
	CountPrefix(ctx context.Context, prefix string) (int, error)
	// List returns a page of at most limit blobs of all clients, unfinished ones
	// too, and the cursor of the next, empty at the end; "" begins. A page may
	// have none and yet not be the last. Only the janitor needs it.
	List(ctx context.Context, cursor string, limit int) ([]BlobInfo, string, error)
}

// BlobInfo is what is known of a blob without opening it.
type BlobInfo struct {
	Key        string
	Size       int64 // bytes
	ModifiedAt time.Time
	Unfinished bool // a Put is writing it, or died doing so
}

// Parser turns a file into blocks, outside this process and within limits of
// time and memory. Failures a person must act on are KindInvalid errors with
// one of the document codes.
type Parser interface {
	Parse(ctx context.Context, fileType FileType, content io.Reader, onBlock func(Block) error, onProgress func(done, total int)) error
	// Probe reports whether the parser can work at all, without a document. It
	// tells a machine that reads nothing from a document that stops the parser.
	Probe(ctx context.Context, fileType FileType) error
}

// Chunker cuts blocks into chunks in one pass: at most 500 tokens each, about
// 50 tokens of overlap, cut at the best boundary and never inside a rune.
type Chunker interface {
	// Chunk calls emit with chunks of ascending Index; DocumentID and Version
	// are left for the caller to fill in.
	Chunk(ctx context.Context, blocks iter.Seq2[Block, error], emit func(Chunk) error) error
}

// ClientBlobPrefix is the start of every key of a client.
func ClientBlobPrefix(client ClientID) string { return string(client) + "/" }

// BlobPrefix is the start of every key of a client's document.
func BlobPrefix(client ClientID, document DocumentID) string {
	return string(client) + "/" + string(document) + "/"
}

// VersionBlobPrefix is the start of every key of one version.
func VersionBlobPrefix(client ClientID, revision Revision) string {
	return fmt.Sprintf("%s%d/", BlobPrefix(client, revision.DocumentID), revision.Version)
}

// SourceBlobKey is where a version's uploaded file lies, BlocksBlobKey where
// its parsed blocks do (JSON lines of Block).
func SourceBlobKey(client ClientID, revision Revision) string {
	return fmt.Sprintf("%s%d/source", BlobPrefix(client, revision.DocumentID), revision.Version)
}

func BlocksBlobKey(client ClientID, revision Revision) string {
	return fmt.Sprintf("%s%d/blocks.jsonl", BlobPrefix(client, revision.DocumentID), revision.Version)
}
