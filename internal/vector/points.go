package vector

import (
	"context"
	"fmt"
	"slices"

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
// last one. Every vector must have the generation's dimensions; a chunk without
// a vector is stored for its words alone.
func (x *Index) Upsert(ctx context.Context, client chatconnect.ClientID, generation chatconnect.Generation, chunks []chatconnect.IndexedChunk) error {
	s, err := scopeOf(client)
	if err != nil {
		return err
	}
	points := make([]*qdrant.PointStruct, len(chunks))
	for i, chunk := range chunks {
		if points[i], err = point(s, generation, chunk); err != nil {
			return err
		}
	}
	for start := 0; start < len(points); start += upsertBatch {
		batch := points[start:min(start+upsertBatch, len(points))]
		_, err := call(ctx, x, "upsert", writeTimeout, generation, func(ctx context.Context, collection string) (*qdrant.UpdateResult, error) {
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

func point(s scope, generation chatconnect.Generation, chunk chatconnect.IndexedChunk) (*qdrant.PointStruct, error) {
	vectors := map[string]*qdrant.Vector{}
	switch len(chunk.Vector) {
	case 0:
	case generation.Dimensions:
		vectors[vectorDense] = qdrant.NewVectorDense(chunk.Vector)
	default:
		return nil, errDimensions.Because(fmt.Errorf("vector: chunk %d has %d dimensions, the index %d", chunk.Chunk.Index, len(chunk.Vector), generation.Dimensions))
	}
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

// Missing implements chatconnect.VectorIndex.
func (x *Index) Missing(ctx context.Context, client chatconnect.ClientID, generation chatconnect.Generation, revision chatconnect.Revision, from, to int) ([]int, error) {
	s, err := scopeOf(client)
	if err != nil {
		return nil, err
	}
	var missing []int
	for start := from; start < to; start += upsertBatch {
		end := min(start+upsertBatch, to)
		found, err := call(ctx, x, "get", readTimeout, generation, func(ctx context.Context, collection string) ([]*qdrant.RetrievedPoint, error) {
			return x.client.Get(ctx, &qdrant.GetPoints{
				CollectionName: collection,
				Ids:            pointIDs(s, revision, start, end),
				WithPayload:    qdrant.NewWithPayload(false),
				WithVectors:    qdrant.NewWithVectors(false),
			})
		})
		if err != nil {
			return nil, err
		}
		have := make(map[string]bool, len(found))
		for _, p := range found {
			have[p.GetId().GetUuid()] = true
		}
		for i := start; i < end; i++ {
			if !have[PointID(s.client, revision, i)] {
				missing = append(missing, i)
			}
		}
	}
	return missing, nil
}

// Remove implements chatconnect.VectorIndex.
func (x *Index) Remove(ctx context.Context, client chatconnect.ClientID, generation chatconnect.Generation, revision chatconnect.Revision, from, to int) error {
	s, err := scopeOf(client)
	if err != nil || from >= to {
		return err
	}
	_, err = call(ctx, x, "delete", writeTimeout, generation, func(ctx context.Context, collection string) (*qdrant.UpdateResult, error) {
		return x.client.Delete(ctx, &qdrant.DeletePoints{
			CollectionName: collection,
			Wait:           qdrant.PtrOf(true),
			Points:         qdrant.NewPointsSelectorIDs(pointIDs(s, revision, from, to)),
		})
	})
	return err
}

// pointIDs are the ids of a revision's chunks with from <= index < to. They
// name the client, so they are its points or none.
func pointIDs(s scope, revision chatconnect.Revision, from, to int) []*qdrant.PointId {
	ids := make([]*qdrant.PointId, 0, to-from)
	for i := from; i < to; i++ {
		ids = append(ids, qdrant.NewIDUUID(PointID(s.client, revision, i)))
	}
	return ids
}

// CountIn counts the points of a revision in one generation exactly.
func (x *Index) CountIn(ctx context.Context, client chatconnect.ClientID, generation chatconnect.Generation, revision chatconnect.Revision) (int, error) {
	s, err := scopeOf(client)
	if err != nil {
		return 0, err
	}
	n, err := call(ctx, x, "count", readTimeout, generation, x.counting(s.revision(revision)))
	return int(n), err
}

// Count counts the points of a revision exactly, where it has the fewest.
func (x *Index) Count(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision) (int, error) {
	counts, err := x.counts(ctx, client, func(s scope) *qdrant.Filter { return s.revision(revision) })
	if err != nil {
		return 0, err
	}
	return int(slices.Min(counts)), nil
}

// CountDocument counts the points of every version of a document exactly, in
// all generations together.
func (x *Index) CountDocument(ctx context.Context, client chatconnect.ClientID, document chatconnect.DocumentID) (int, error) {
	return x.total(ctx, client, func(s scope) *qdrant.Filter { return s.document(document) })
}

// CountClient counts every point of the client exactly, in all generations
// together.
func (x *Index) CountClient(ctx context.Context, client chatconnect.ClientID) (int, error) {
	return x.total(ctx, client, scope.all)
}

func (x *Index) total(ctx context.Context, client chatconnect.ClientID, filter func(scope) *qdrant.Filter) (int, error) {
	counts, err := x.counts(ctx, client, filter)
	total := 0
	for _, n := range counts {
		total += int(n)
	}
	return total, err
}

func (x *Index) counts(ctx context.Context, client chatconnect.ClientID, filter func(scope) *qdrant.Filter) ([]uint64, error) {
	s, err := scopeOf(client)
	if err != nil {
		return nil, err
	}
	return inAll(ctx, x, "count", readTimeout, x.counting(filter(s)))
}

func (x *Index) counting(filter *qdrant.Filter) func(context.Context, string) (uint64, error) {
	return func(ctx context.Context, collection string) (uint64, error) {
		return x.client.Count(ctx, &qdrant.CountPoints{
			CollectionName: collection,
			Filter:         filter,
			Exact:          qdrant.PtrOf(true),
		})
	}
}

// DeleteRevision removes the points of one version of a document from all
// generations.
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
	_, err = inAll(ctx, x, "delete", writeTimeout, func(ctx context.Context, collection string) (*qdrant.UpdateResult, error) {
		return x.client.Delete(ctx, &qdrant.DeletePoints{
			CollectionName: collection,
			Wait:           qdrant.PtrOf(true),
			Points:         qdrant.NewPointsSelectorFilter(filter(s)),
		})
	})
	return err
}
