package chatconnect

import "context"

// IndexedRevision is a revision that the search index holds points of.
// ClientID is empty if the points name no client or document of ours.
type IndexedRevision struct {
	ClientID ClientID
	Revision
	Points int // seen; there may be more
}

// IndexAudit looks at the index over all clients. It is apart from VectorIndex
// because it is the one view of points that no client limits: it tells whose
// they are, and never what is in them. Only the janitor has it.
type IndexAudit interface {
	// ScanRevisions looks at a page of at most limit points, generation by
	// generation, and groups them by revision. next is the cursor of the next
	// page, empty at the end; "" begins.
	ScanRevisions(ctx context.Context, cursor string, limit int) (found []IndexedRevision, next string, err error)
}
