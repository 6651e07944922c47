package vector

import (
	"context"
	"fmt"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/google/uuid"
	"github.com/qdrant/go-client/qdrant"
)

// upsertBatch is the number of points sent in one request: 256 points of 3072
// dimensions are 3 MB.
const upsertBatch = 256

// pointNamespace is the UUIDv5 namespace of our points. It must never change:
// a retried upsert finds its points again by it.
var pointNamespace = uuid.MustParse("5c8a2f3e-6d1b-5e47-9a70-c4b1f0d92e86")

// PointID is the id of a chunk's point: UUIDv5 (RFC 9562, SHA-1) over
// "client/document/version/chunk". The same chunk always has the same id, so
// storing it again changes nothing.
func PointID(client chatconnect.ClientID, revision chatconnect.Revision, chunk int) string {
	name := fmt.Sprintf("%s/%s/%d/%d", client, revision.DocumentID, revision.Version, chunk)
	return uuid.NewSHA1(pointNamespace, []byte(name)).String()
}

// Upsert stores chunks in batches and returns when the server has applied the
// last one. Every vector must have the index's dimensions.
func (x *Index) Upsert(ctx context.Context, client chatconnect.ClientID, chunks []chatconnect.IndexedChunk) error {
	s, err := scopeOf(client)
	if err != nil {
		return err
	}
	points := make([]*qdrant.PointStruct, len(chunks))
	for i, chunk := range chunks {
		if points[i], err = x.point(s, chunk); err != nil {
			return err
		}
	}
	for start := 0; start < len(points); start += upsertBatch {
		batch := points[start:min(start+upsertBatch, len(points))]
		_, err := call(ctx, x, "upsert", writeTimeout, func(ctx context.Context, collection string) (*qdrant.UpdateResult, error) {
			return x.client.Upsert(ctx, &qdrant.UpsertPoints{
				CollectionName: collection,
				Wait:           qdrant.PtrOf(true),
				Points:         batch,
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *Index) point(s scope, chunk chatconnect.IndexedChunk) (*qdrant.PointStruct, error) {
	if len(chunk.Vector) != x.dimensions {
		return nil, errDimensions.Because(fmt.Errorf("vector: chunk %d has %d dimensions, the index %d", chunk.Chunk.Index, len(chunk.Vector), x.dimensions))
	}
	vectors := map[string]*qdrant.Vector{vectorDense: qdrant.NewVectorDense(chunk.Vector)}
	// A chunk without a single term (a row of dashes) has no sparse vector.
	if terms := encodeDocument(chunk.Chunk.Content); len(terms.indices) > 0 {
		vectors[vectorBM25] = qdrant.NewVectorSparse(terms.indices, terms.values)
	}
	revision := chatconnect.Revision{DocumentID: chunk.Chunk.DocumentID, Version: chunk.Chunk.Version}
	return &qdrant.PointStruct{
		Id:      qdrant.NewIDUUID(PointID(s.client, revision, chunk.Chunk.Index)),
		Payload: s.payload(chunk),
		Vectors: qdrant.NewVectorsMap(vectors),
	}, nil
}

// Count counts the points of a revision exactly.
func (x *Index) Count(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision) (int, error) {
	return x.count(ctx, client, func(s scope) *qdrant.Filter { return s.revision(revision) })
}

// CountDocument counts the points of every version of a document exactly.
func (x *Index) CountDocument(ctx context.Context, client chatconnect.ClientID, document chatconnect.DocumentID) (int, error) {
	return x.count(ctx, client, func(s scope) *qdrant.Filter { return s.document(document) })
}

// CountClient counts every point of the client exactly.
func (x *Index) CountClient(ctx context.Context, client chatconnect.ClientID) (int, error) {
	return x.count(ctx, client, scope.all)
}

func (x *Index) count(ctx context.Context, client chatconnect.ClientID, filter func(scope) *qdrant.Filter) (int, error) {
	s, err := scopeOf(client)
	if err != nil {
		return 0, err
	}
	count, err := call(ctx, x, "count", readTimeout, func(ctx context.Context, collection string) (uint64, error) {
		return x.client.Count(ctx, &qdrant.CountPoints{
			CollectionName: collection,
			Filter:         filter(s),
			Exact:          qdrant.PtrOf(true),
		})
	})
	return int(count), err
}

// DeleteRevision removes the points of one version of a document.
func (x *Index) DeleteRevision(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision) error {
	return x.remove(ctx, client, func(s scope) *qdrant.Filter { return s.revision(revision) })
}

// DeleteDocument removes the points of every version of a document.
func (x *Index) DeleteDocument(ctx context.Context, client chatconnect.ClientID, document chatconnect.DocumentID) error {
	return x.remove(ctx, client, func(s scope) *qdrant.Filter { return s.document(document) })
}

// DeleteClient removes every point of the client.
func (x *Index) DeleteClient(ctx context.Context, client chatconnect.ClientID) error {
	return x.remove(ctx, client, scope.all)
}

func (x *Index) remove(ctx context.Context, client chatconnect.ClientID, filter func(scope) *qdrant.Filter) error {
	s, err := scopeOf(client)
	if err != nil {
		return err
	}
	_, err = call(ctx, x, "delete", writeTimeout, func(ctx context.Context, collection string) (*qdrant.UpdateResult, error) {
		return x.client.Delete(ctx, &qdrant.DeletePoints{
			CollectionName: collection,
			Wait:           qdrant.PtrOf(true),
			Points:         qdrant.NewPointsSelectorFilter(filter(s)),
		})
	})
	return err
}
