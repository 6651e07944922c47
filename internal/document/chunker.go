package document

import (
	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document/chunk"
)

// NewChunker makes the Chunker of package chunk, which documents how pages,
// sections and rows are cut. It is safe for concurrent use.
func NewChunker() (chatconnect.Chunker, error) { return chunk.New() }
