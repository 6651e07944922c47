package qdrant

import (
	"context"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
)

// stage is one query: the root of a request or one of its prefetches.
type stage struct {
	prefetch  []*pb.PrefetchQuery
	query     *pb.Query
	using     *string
	filter    *pb.Filter
	threshold *float32
	limit     int // results to give, offset included
}

func (s *pointsService) Query(_ context.Context, r *pb.QueryPoints) (*pb.QueryResponse, error) {
	start := time.Now()
	response := &pb.QueryResponse{}
	err := s.read(r.GetCollectionName(), func(c *collection) (err error) {
		response.Result, err = c.query(r)
		return err
	})
	response.Time = time.Since(start).Seconds()
	return response, err
}

// QueryBatch answers all queries from the same state of the collection.
func (s *pointsService) QueryBatch(_ context.Context, r *pb.QueryBatchPoints) (*pb.QueryBatchResponse, error) {
	start := time.Now()
	response := &pb.QueryBatchResponse{}
	err := s.read(r.GetCollectionName(), func(c *collection) error {
		for _, query := range r.GetQueryPoints() {
			if name := query.GetCollectionName(); name != "" && name != r.GetCollectionName() {
				return errUnsupported("a batch over several collections")
			}
			result, err := c.query(query)
			if err != nil {
				return err
			}
			response.Result = append(response.Result, &pb.BatchResult{Result: result})
		}
		return nil
	})
	response.Time = time.Since(start).Seconds()
	return response, err
}

func (c *collection) query(r *pb.QueryPoints) ([]*pb.ScoredPoint, error) {
	if err := refuse(
		part{"shard_key_selector", r.ShardKeySelector != nil},
		part{"lookup_from", r.LookupFrom != nil},
		part{"params.indexed_only", r.GetParams().GetIndexedOnly()},
	); err != nil {
		return nil, err
	}
	limit, err := limitOf(r.Limit)
	if err != nil {
		return nil, err
	}
	payload, err := parseWithPayload(r.GetWithPayload())
	if err != nil {
		return nil, err
	}
	vectors, err := c.parseWithVectors(r.GetWithVectors())
	if err != nil {
		return nil, err
	}
	offset := int(min(r.GetOffset(), uint64(len(c.points))))
	hits, err := c.run(stage{
		prefetch: r.GetPrefetch(), query: r.GetQuery(), using: r.Using, filter: r.GetFilter(),
		threshold: r.ScoreThreshold, limit: limit + offset,
	})
	if err != nil {
		return nil, err
	}
	hits = hits[min(offset, len(hits)):]
	result := make([]*pb.ScoredPoint, len(hits))
	for i, h := range hits {
		result[i] = &pb.ScoredPoint{Id: h.id.proto(), Score: h.score, Version: h.version, Payload: payload(h.payload), Vectors: vectors(h.point)}
	}
	return result, nil
}

// limitOf bounds a limit to what fits an int twice.
func limitOf(limit *uint64) (int, error) {
	switch {
	case limit == nil:
		return defaultLimit, nil
	case *limit == 0:
		return 0, errValidation("[limit: value 0 invalid, must be 1 or larger]")
	}
	return int(min(*limit, 1<<30)), nil
}

// run answers a stage. Its filter holds for its prefetches too.
func (c *collection) run(q stage) ([]hit, error) {
	if q.query == nil {
		if len(q.prefetch) > 0 {
			return nil, errBadRequest("A query is needed to merge the prefetches. Can't have prefetches without defining a query.")
		}
		return c.unscored(q)
	}
	sources := make([][]hit, len(q.prefetch))
	for i, p := range q.prefetch {
		var err error
		if sources[i], err = c.runPrefetch(p, q.filter); err != nil {
			return nil, err
		}
	}
	switch o := q.query.GetVariant().(type) {
	case *pb.Query_Nearest:
		return c.nearest(q, o.Nearest, sources)
	case *pb.Query_Fusion:
		if o.Fusion != pb.Fusion_RRF {
			return nil, errUnsupported("fusion " + o.Fusion.String())
		}
		return fuse(q, sources, defaultRRFK)
	case *pb.Query_Rrf:
		if len(o.Rrf.GetWeights()) > 0 {
			return nil, errUnsupported("rrf weights")
		}
		k := defaultRRFK
		if o.Rrf.K != nil {
			k = int(o.Rrf.GetK())
		}
		if k < 1 {
			return nil, errValidation("[k: value 0 invalid, must be 1 or larger]")
		}
		return fuse(q, sources, k)
	case *pb.Query_Recommend:
		return nil, errUnsupported("recommend queries")
	case *pb.Query_Discover:
		return nil, errUnsupported("discover queries")
	case *pb.Query_Context:
		return nil, errUnsupported("context queries")
	case *pb.Query_OrderBy:
		return nil, errUnsupported("order_by queries")
	case *pb.Query_Sample:
		return nil, errUnsupported("sample queries")
	case *pb.Query_Formula:
		return nil, errUnsupported("formula queries")
	case *pb.Query_NearestWithMmr:
		return nil, errUnsupported("mmr queries")
	case *pb.Query_RelevanceFeedback:
		return nil, errUnsupported("relevance_feedback queries")
	}
	return nil, errMalformed("Query variant is missing")
}

func (c *collection) runPrefetch(p *pb.PrefetchQuery, outer *pb.Filter) ([]hit, error) {
	if err := refuse(
		part{"lookup_from", p.LookupFrom != nil},
		part{"params.indexed_only", p.GetParams().GetIndexedOnly()},
	); err != nil {
		return nil, err
	}
	limit, err := limitOf(p.Limit)
	if err != nil {
		return nil, err
	}
	return c.run(stage{
		prefetch: p.GetPrefetch(), query: p.GetQuery(), using: p.Using, filter: both(p.GetFilter(), outer),
		threshold: p.ScoreThreshold, limit: limit,
	})
}

// both is a filter that accepts what two accept.
func both(a, b *pb.Filter) *pb.Filter {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return &pb.Filter{Must: []*pb.Condition{pb.NewFilterAsCondition(a), pb.NewFilterAsCondition(b)}}
}

// unscored lists points by id, with score 0.
func (c *collection) unscored(q stage) ([]hit, error) {
	page, _, err := c.page(q.filter, pointID{}, q.limit)
	hits := make([]hit, len(page))
	for i, p := range page {
		hits[i] = hit{point: p}
	}
	return hits, err
}
