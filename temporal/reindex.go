package temporal

import (
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// WorkflowReindexAll builds the search index anew; ReindexWorkflowID is the
// one that may run at a time.
const (
	WorkflowReindexAll = "ReindexAll"
	ReindexWorkflowID  = "reindex"
)

// ReindexPriority comes after what people wait for (3, the default), so that a
// document uploaded during a reindex is not behind all the others.
const ReindexPriority = 4

// Pauses of a reindex. ReindexSettles is when every process writes to the new
// collection, and every activation of a document that did not know of it has
// ended: GenerationsAge, then one count and one commit. ReindexGrace is when no
// search uses the old one any more: GenerationsAge, then one attempt at a
// search (RetrieveOptions).
const (
	ReindexSettles = 30 * time.Second
	ReindexGrace   = 40 * time.Second
)

// ReindexStage is where a reindex stands.
type ReindexStage string

const (
	ReindexPreparing ReindexStage = "preparing" // makes the collection
	ReindexSettling  ReindexStage = "settling"  // until every process writes to it too
	ReindexEmbedding ReindexStage = "embedding" // what it lacks, until it lacks nothing
	ReindexSwitching ReindexStage = "switching" // searches go to it
	ReindexLingering ReindexStage = "lingering" // until nobody uses the old one
	ReindexChecking  ReindexStage = "checking"  // that nothing was missed
	ReindexRemoving  ReindexStage = "removing"  // the old one
	ReindexDone      ReindexStage = "done"
)

// ReindexInput starts ReindexAll. Settles and Grace are for tests: 0 means
// ReindexSettles and ReindexGrace.
type ReindexInput struct {
	Model      string        `json:"model"`
	Dimensions int           `json:"dimensions"`
	Settles    time.Duration `json:"settlesNs,omitempty"`
	Grace      time.Duration `json:"graceNs,omitempty"`
	// State is what an earlier run of the same reindex leaves to this one.
	State *ReindexState `json:"state,omitempty"`
}

// ReindexState goes from run to run.
type ReindexState struct {
	Plan     ReindexPlan     `json:"plan"`
	Progress ReindexProgress `json:"progress"`
	After    ReindexCursor   `json:"after"`
	Changed  bool            `json:"changed"` // this pass found something to do
}

// ReindexCursor is the last document that a pass has seen.
type ReindexCursor struct {
	ClientID   chatconnect.ClientID   `json:"clientId,omitempty"`
	DocumentID chatconnect.DocumentID `json:"documentId,omitempty"`
}

// ReindexPlan is what there is to do. InPlace: the active collection already
// has the model, and only lacks points, if any.
type ReindexPlan struct {
	From      chatconnect.Generation `json:"from"`
	To        chatconnect.Generation `json:"to"`
	InPlace   bool                   `json:"inPlace"`
	Documents int                    `json:"documents"`
	Chunks    int                    `json:"chunks"`
}

// ReindexProgress answers QueryProgress of ReindexAll. The totals are those of
// the beginning; what is uploaded later goes to both collections by itself.
type ReindexProgress struct {
	Stage          ReindexStage           `json:"stage"`
	From           chatconnect.Generation `json:"from"`
	To             chatconnect.Generation `json:"to"`
	DocumentsDone  int                    `json:"documentsDone"`
	DocumentsTotal int                    `json:"documentsTotal"`
	ChunksDone     int                    `json:"chunksDone"`
	ChunksTotal    int                    `json:"chunksTotal"`
	Pass           int                    `json:"pass"` // from 1; later ones look for what was missed
	Embedded       int                    `json:"embedded"`
	Tokens         int                    `json:"tokens"`
	// Waiting is why nothing moves, if something has to be tried again. It is
	// not known to the workflow: DescribeReindex asks the server.
	Waiting string `json:"waiting,omitempty"`
}

// ReindexResult is what ReindexAll returns.
type ReindexResult struct {
	ReindexPlan
	Embedded int `json:"embedded"` // chunks
	Tokens   int `json:"tokens"`
	Passes   int `json:"passes"`
}

// ReindexPageInput asks for the next documents, and what a generation holds of
// them.
type ReindexPageInput struct {
	Generation chatconnect.Generation `json:"generation"`
	After      ReindexCursor          `json:"after"`
}

// ReindexPage is a page of a pass: documents that are complete, counted, and
// those that are not.
type ReindexPage struct {
	Documents  int                          `json:"documents"` // complete
	Chunks     int                          `json:"chunks"`    // theirs
	Incomplete []chatconnect.ActiveRevision `json:"incomplete,omitempty"`
	Last       ReindexCursor                `json:"last"`
	End        bool                         `json:"end"`
}

// ReindexBatchInput asks for chunks of one client, of one or several
// documents, to be embedded and stored in a generation where it lacks them.
type ReindexBatchInput struct {
	ClientID   chatconnect.ClientID   `json:"clientId"`
	Generation chatconnect.Generation `json:"generation"`
	Pieces     []ReindexPiece         `json:"pieces"`
}

// Tenant is whose documents they are.
func (in ReindexBatchInput) Tenant() chatconnect.ClientID { return in.ClientID }

// ReindexPiece are the chunks From <= index < To of a revision.
type ReindexPiece struct {
	chatconnect.Revision
	From int `json:"from"`
	To   int `json:"to"`
}

// ReindexBatchResult counts what had to be embedded.
type ReindexBatchResult struct {
	Embedded int `json:"embedded"`
	Tokens   int `json:"tokens"`
}

// AbandonResult says whether it was too late: the index had been switched.
type AbandonResult struct {
	Switched bool `json:"switched"`
}
