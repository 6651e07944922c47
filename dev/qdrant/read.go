package qdrant

import (
	"context"
	"slices"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
)

// defaultLimit is what the protocol says for scroll and query.
const defaultLimit = 10

// read runs f with the collection, under the lock that keeps it as it is.
func (s *pointsService) read(name string, f func(*collection) error) error {
	s.s.reading.RLock()
	defer s.s.reading.RUnlock()
	c, err := s.s.state.collection(name)
	if err != nil {
		return err
	}
	return f(c)
}

func (s *pointsService) Get(_ context.Context, r *pb.GetPoints) (*pb.GetResponse, error) {
	start := time.Now()
	if err := refuse(part{"shard_key_selector", r.ShardKeySelector != nil}); err != nil {
		return nil, err
	}
	response := &pb.GetResponse{}
	err := s.read(r.GetCollectionName(), func(c *collection) error {
		ids, err := parseIDs(r.GetIds())
		if err != nil {
			return err
		}
		retrieve, err := c.retriever(r.GetWithPayload(), r.GetWithVectors())
		if err != nil {
			return err
		}
		for _, id := range ids {
			if p, ok := c.points[id]; ok {
				response.Result = append(response.Result, retrieve(p))
			}
		}
		return nil
	})
	response.Time = time.Since(start).Seconds()
	return response, err
}

// retriever returns points with the parts a request asks for.
func (c *collection) retriever(withPayload *pb.WithPayloadSelector, withVectors *pb.WithVectorsSelector) (func(*point) *pb.RetrievedPoint, error) {
	payload, err := parseWithPayload(withPayload)
	if err != nil {
		return nil, err
	}
	vectors, err := c.parseWithVectors(withVectors)
	if err != nil {
		return nil, err
	}
	return func(p *point) *pb.RetrievedPoint {
		return &pb.RetrievedPoint{Id: p.id.proto(), Payload: payload(p.payload), Vectors: vectors(p)}
	}, nil
}

// Scroll pages through points by id, from offset on.
func (s *pointsService) Scroll(_ context.Context, r *pb.ScrollPoints) (*pb.ScrollResponse, error) {
	start := time.Now()
	if err := refuse(
		part{"shard_key_selector", r.ShardKeySelector != nil},
		part{"order_by", r.OrderBy != nil},
	); err != nil {
		return nil, err
	}
	limit := defaultLimit
	if r.Limit != nil {
		limit = int(r.GetLimit())
	}
	if limit < 1 {
		return nil, errValidation("[limit: value 0 invalid, must be 1 or larger]")
	}
	response := &pb.ScrollResponse{}
	err := s.read(r.GetCollectionName(), func(c *collection) error {
		retrieve, err := c.retriever(r.GetWithPayload(), r.GetWithVectors())
		if err != nil {
			return err
		}
		var from pointID // the least of all
		if r.Offset != nil {
			if from, err = parseID(r.Offset); err != nil {
				return err
			}
		}
		page, next, err := c.page(r.GetFilter(), from, limit)
		if err != nil {
			return err
		}
		for _, p := range page {
			response.Result = append(response.Result, retrieve(p))
		}
		if next != nil {
			response.NextPageOffset = next.id.proto()
		}
		return nil
	})
	response.Time = time.Since(start).Seconds()
	return response, err
}

// page returns up to limit points that meet a filter, by id from an id on, and
// the one after them.
func (c *collection) page(f *pb.Filter, from pointID, limit int) (page []*point, next *point, err error) {
	accept, err := c.compileFilter(f)
	if err != nil {
		return nil, nil, err
	}
	var candidates []*point
	if pl := c.plan(f); pl.usesSet() || pl.size() < len(c.points) {
		pl.each(func(p *point) {
			if compareIDs(p.id, from) >= 0 && accept.matches(p) {
				candidates = append(candidates, p)
			}
		})
		slices.SortFunc(candidates, func(a, b *point) int { return compareIDs(a.id, b.id) })
	} else {
		sorted := c.sorted()
		first, _ := slices.BinarySearchFunc(sorted, from, func(p *point, id pointID) int { return compareIDs(p.id, id) })
		for _, p := range sorted[first:] {
			if accept.matches(p) {
				if candidates = append(candidates, p); len(candidates) > limit {
					break
				}
			}
		}
	}
	if len(candidates) > limit {
		return candidates[:limit], candidates[limit], nil
	}
	return candidates, nil, nil
}

// Count counts exactly, whether asked to or not.
func (s *pointsService) Count(_ context.Context, r *pb.CountPoints) (*pb.CountResponse, error) {
	start := time.Now()
	if err := refuse(part{"shard_key_selector", r.ShardKeySelector != nil}); err != nil {
		return nil, err
	}
	response := &pb.CountResponse{Result: &pb.CountResult{}}
	err := s.read(r.GetCollectionName(), func(c *collection) error {
		points, err := c.selectPoints(r.GetFilter())
		response.Result.Count = uint64(len(points))
		return err
	})
	response.Time = time.Since(start).Seconds()
	return response, err
}
