package vector

import (
	"context"
	"fmt"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/qdrant/go-client/qdrant"
)

// candidatesPerResult is how many candidates each ranking contributes for
// every passage wanted. A passage that is in the middle of both rankings can
// beat one that leads a single one, so the rankings must reach past the limit.
const candidatesPerResult = 4

// Search returns the passages that fit best, best first, in one round trip: a
// batch of up to three queries, all with the same filter.
//
//  1. dense: the nearest by cosine;
//  2. bm25: the best by BM25;
//  3. the bm25 candidates again, scored by cosine.
//
// The first two are fused here (see fuse) instead of by the server, because
// the server's fusion returns only the fused score, and that says nothing
// about relevance: the best of a hundred unrelated passages has the same score
// as a perfect match. So passages also carry Similarity and Lexical, by which
// the caller can tell that nothing fits; the third query gives Similarity to
// those that only BM25 found.
//
// A text without terms (punctuation, stop words) is searched by vector alone,
// one without a vector by its terms.
func (x *Index) Search(ctx context.Context, client chatconnect.ClientID, query chatconnect.SearchQuery) ([]chatconnect.Passage, error) {
	s, err := scopeOf(client)
	if err != nil {
		return nil, err
	}
	if n := len(query.Vector); n > 0 && n != query.Generation.Dimensions {
		return nil, errDimensions.Because(fmt.Errorf("vector: the query has %d dimensions, the index %d", n, query.Generation.Dimensions))
	}
	terms := encodeQuery(query.Text)
	if query.Limit <= 0 || len(query.Vector) == 0 && len(terms.indices) == 0 {
		return []chatconnect.Passage{}, nil
	}
	batch, err := call(ctx, x, "search", searchTimeout, query.Generation, func(ctx context.Context, collection string) ([]*qdrant.BatchResult, error) {
		start := time.Now()
		defer func() { x.onSearch(time.Since(start)) }()
		return x.client.QueryBatch(ctx, &qdrant.QueryBatchPoints{
			CollectionName: collection,
			QueryPoints:    searchQueries(collection, s.visible(query.Inactive), query, terms),
		})
	})
	if err != nil {
		return nil, err
	}
	want := len(searchQueries("", nil, query, terms))
	if len(batch) != want {
		return nil, errRefused.Because(fmt.Errorf("vector: a batch of %d queries got %d results", want, len(batch)))
	}
	if len(query.Vector) == 0 {
		return passages(s, fuse(nil, batch[0].GetResult(), nil), query.Limit)
	}
	var lexical, rescored []*qdrant.ScoredPoint
	if want == 3 {
		lexical, rescored = batch[1].GetResult(), batch[2].GetResult()
	}
	return passages(s, fuse(batch[0].GetResult(), lexical, rescored), query.Limit)
}

func searchQueries(collection string, filter *qdrant.Filter, query chatconnect.SearchQuery, terms sparse) []*qdrant.QueryPoints {
	candidates := qdrant.PtrOf(uint64(query.Limit * candidatesPerResult))
	dense := &qdrant.QueryPoints{
		CollectionName: collection,
		Query:          qdrant.NewQueryDense(query.Vector),
		Using:          qdrant.PtrOf(vectorDense),
		Filter:         filter,
		Limit:          candidates,
		WithPayload:    qdrant.NewWithPayload(true),
	}
	if len(terms.indices) == 0 {
		return []*qdrant.QueryPoints{dense}
	}
	bm25 := qdrant.NewQuerySparse(terms.indices, terms.values)
	lexical := &qdrant.QueryPoints{
		CollectionName: collection,
		Query:          bm25,
		Using:          qdrant.PtrOf(vectorBM25),
		Filter:         filter,
		Limit:          candidates,
		WithPayload:    qdrant.NewWithPayload(true),
	}
	if len(query.Vector) == 0 {
		return []*qdrant.QueryPoints{lexical}
	}
	return []*qdrant.QueryPoints{
		dense,
		lexical,
		{
			CollectionName: collection,
			Prefetch: []*qdrant.PrefetchQuery{{
				Query:  bm25,
				Using:  qdrant.PtrOf(vectorBM25),
				Filter: filter,
				Limit:  candidates,
			}},
			Query:       qdrant.NewQueryDense(query.Vector),
			Using:       qdrant.PtrOf(vectorDense),
			Filter:      filter,
			Limit:       candidates,
			WithPayload: qdrant.NewWithPayload(false),
		},
	}
}

func passages(s scope, hits []hit, limit int) ([]chatconnect.Passage, error) {
	hits = hits[:min(limit, len(hits))]
	found := make([]chatconnect.Passage, len(hits))
	for i, h := range hits {
		passage, err := s.passage(h.payload)
		if err != nil {
			return nil, err
		}
		passage.Score, passage.Similarity, passage.Lexical = h.score, h.similarity, h.lexical
		found[i] = passage
	}
	return found, nil
}
