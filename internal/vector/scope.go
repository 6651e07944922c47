package vector

import (
	"fmt"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/qdrant/go-client/qdrant"
)

// Keys of a point's payload.
const (
	keyClient     = "client_id"   // keyword index, is_tenant
	keyDocument   = "document_id" // keyword index
	keyVersion    = "version"
	keyRevision   = "revision" // keyword index; "<document>:<version>"
	keyContent    = "content"
	keyChunkIndex = "chunk_index"
	keyPage       = "page"
	keyRow        = "row"
	keySection    = "section"
	keyName       = "name"
)

// scope is the one place where filters and payloads are made. It can only be
// got for a valid client, and everything it makes names that client; the zero
// scope names the client "", which no point has.
type scope struct{ client chatconnect.ClientID }

func scopeOf(client chatconnect.ClientID) (scope, error) {
	if !chatconnect.ValidUUID(string(client)) {
		return scope{}, errClient.Because(fmt.Errorf("client id %q is not a UUID", client))
	}
	return scope{client: client}, nil
}

func (s scope) filter(must ...*qdrant.Condition) *qdrant.Filter {
	conditions := make([]*qdrant.Condition, 0, len(must)+1)
	conditions = append(conditions, qdrant.NewMatchKeyword(keyClient, string(s.client)))
	return &qdrant.Filter{Must: append(conditions, must...)}
}

// all matches every point of the client.
func (s scope) all() *qdrant.Filter { return s.filter() }

func (s scope) document(id chatconnect.DocumentID) *qdrant.Filter {
	return s.filter(qdrant.NewMatchKeyword(keyDocument, string(id)))
}

func (s scope) revision(r chatconnect.Revision) *qdrant.Filter {
	return s.filter(qdrant.NewMatchKeyword(keyRevision, revisionKey(r)))
}

// visible matches every point of the client but those of inactive revisions.
func (s scope) visible(inactive []chatconnect.Revision) *qdrant.Filter {
	filter := s.filter()
	if len(inactive) > 0 {
		keys := make([]string, len(inactive))
		for i, r := range inactive {
			keys[i] = revisionKey(r)
		}
		filter.MustNot = []*qdrant.Condition{qdrant.NewMatchKeywords(keyRevision, keys...)}
	}
	return filter
}

func revisionKey(r chatconnect.Revision) string {
	return fmt.Sprintf("%s:%d", r.DocumentID, r.Version)
}

// payload is what is stored with a chunk. Empty citations are left out.
func (s scope) payload(c chatconnect.IndexedChunk) map[string]*qdrant.Value {
	revision := chatconnect.Revision{DocumentID: c.Chunk.DocumentID, Version: c.Chunk.Version}
	payload := map[string]*qdrant.Value{
		keyClient:     qdrant.NewValueString(string(s.client)),
		keyDocument:   qdrant.NewValueString(string(revision.DocumentID)),
		keyVersion:    qdrant.NewValueInt(int64(revision.Version)),
		keyRevision:   qdrant.NewValueString(revisionKey(revision)),
		keyContent:    qdrant.NewValueString(c.Chunk.Content),
		keyChunkIndex: qdrant.NewValueInt(int64(c.Chunk.Index)),
		keyName:       qdrant.NewValueString(c.DocumentName),
	}
	if c.Chunk.Page != 0 {
		payload[keyPage] = qdrant.NewValueInt(int64(c.Chunk.Page))
	}
	if c.Chunk.Row != 0 {
		payload[keyRow] = qdrant.NewValueInt(int64(c.Chunk.Row))
	}
	if c.Chunk.Section != "" {
		payload[keySection] = qdrant.NewValueString(c.Chunk.Section)
	}
	return payload
}

// passage reads a payload back. A point of another client is an error, never
// a passage: should a filter ever fail us, the visitor must not see it.
func (s scope) passage(payload map[string]*qdrant.Value) (chatconnect.Passage, error) {
	if owner := payload[keyClient].GetStringValue(); owner != string(s.client) {
		return chatconnect.Passage{}, errRefused.Because(fmt.Errorf("vector: a search for client %s returned a point of client %q", s.client, owner))
	}
	return chatconnect.Passage{
		DocumentID:   chatconnect.DocumentID(payload[keyDocument].GetStringValue()),
		Version:      int(payload[keyVersion].GetIntegerValue()),
		DocumentName: payload[keyName].GetStringValue(),
		ChunkIndex:   int(payload[keyChunkIndex].GetIntegerValue()),
		Content:      payload[keyContent].GetStringValue(),
		Page:         int(payload[keyPage].GetIntegerValue()),
		Row:          int(payload[keyRow].GetIntegerValue()),
		Section:      payload[keySection].GetStringValue(),
	}, nil
}
