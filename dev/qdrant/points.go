package qdrant

import (
	"context"
	"maps"
	"time"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"
)

// pointsService serves changes of points here, reads in read.go and query.go,
// field indexes in index.go.
type pointsService struct {
	pb.UnimplementedPointsServer
	s *Server
}

// update commits a change of points. Every change is applied before it is
// answered; the status still tells the caller what it asked to wait for.
func (s *pointsService) update(op opcode, request proto.Message, wait bool, start time.Time) (*pb.PointsOperationResponse, error) {
	sequence, _, err := s.s.commit(op, request)
	if err != nil {
		return nil, err
	}
	result := &pb.UpdateResult{OperationId: &sequence, Status: pb.UpdateStatus_Acknowledged}
	if wait {
		result.Status = pb.UpdateStatus_Completed
	}
	return &pb.PointsOperationResponse{Result: result, Time: time.Since(start).Seconds()}, nil
}

func (s *pointsService) Upsert(_ context.Context, r *pb.UpsertPoints) (*pb.PointsOperationResponse, error) {
	return s.update(opUpsert, r, r.GetWait(), time.Now())
}

func (s *pointsService) Delete(_ context.Context, r *pb.DeletePoints) (*pb.PointsOperationResponse, error) {
	return s.update(opDelete, r, r.GetWait(), time.Now())
}

func (s *pointsService) SetPayload(_ context.Context, r *pb.SetPayloadPoints) (*pb.PointsOperationResponse, error) {
	return s.update(opSetPayload, r, r.GetWait(), time.Now())
}

func (s *pointsService) OverwritePayload(_ context.Context, r *pb.SetPayloadPoints) (*pb.PointsOperationResponse, error) {
	return s.update(opOverwritePayload, r, r.GetWait(), time.Now())
}

func (st *state) prepareUpsert(r *pb.UpsertPoints) (func(), error) {
	if err := refuse(
		part{"shard_key_selector", r.ShardKeySelector != nil},
		part{"update_filter", r.UpdateFilter != nil},
		part{"update_mode", r.UpdateMode != nil && r.GetUpdateMode() != pb.UpdateMode_Upsert},
	); err != nil {
		return nil, err
	}
	c, err := st.collection(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	points := make([]newPoint, len(r.GetPoints()))
	for i, ps := range r.GetPoints() {
		id, err := parseID(ps.GetId())
		if err != nil {
			return nil, err
		}
		dense, sparse, err := c.parseVectors(ps.GetVectors())
		if err != nil {
			return nil, err
		}
		points[i] = newPoint{
			point:   &point{id: id, payload: ps.GetPayload(), version: st.sequence + 1, bytes: int64(proto.Size(ps)), sparse: sparse},
			vectors: dense,
		}
	}
	return func() {
		for _, p := range points {
			c.insert(p)
		}
	}, nil
}

func (st *state) prepareDelete(r *pb.DeletePoints) (func(), error) {
	if err := refuse(part{"shard_key_selector", r.ShardKeySelector != nil}); err != nil {
		return nil, err
	}
	c, err := st.collection(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	victims, _, err := c.selected(r.GetPoints())
	if err != nil || len(victims) == 0 {
		return nil, err
	}
	return func() {
		for _, p := range victims {
			c.remove(p)
		}
	}, nil
}

// prepareSetPayload merges keys into the payloads of points, or replaces the
// payloads. A missing id fails the whole request; the real server changes the
// others first.
func (st *state) prepareSetPayload(r *pb.SetPayloadPoints, overwrite bool) (func(), error) {
	if err := refuse(
		part{"shard_key_selector", r.ShardKeySelector != nil},
		part{"set payload under a key", r.Key != nil},
	); err != nil {
		return nil, err
	}
	c, err := st.collection(r.GetCollectionName())
	if err != nil {
		return nil, err
	}
	points, missing, err := c.selected(r.GetPointsSelector())
	switch {
	case err != nil:
		return nil, err
	case missing != nil:
		return nil, errNoPoint(*missing)
	case len(points) == 0:
		return nil, nil
	}
	version := st.sequence + 1
	return func() {
		for _, p := range points {
			payload := r.GetPayload()
			if !overwrite {
				payload = map[string]*pb.Value{}
				maps.Copy(payload, p.payload)
				maps.Copy(payload, r.GetPayload())
			}
			c.setPayload(p, payload, version)
		}
	}, nil
}

// selected returns the points of a selector, each once, and the first id that
// there is no point for.
func (c *collection) selected(s *pb.PointsSelector) (found []*point, missing *pointID, err error) {
	switch o := s.GetPointsSelectorOneOf().(type) {
	case *pb.PointsSelector_Filter:
		found, err = c.selectPoints(o.Filter)
		return found, nil, err
	case *pb.PointsSelector_Points:
		ids, err := parseIDs(o.Points.GetIds())
		if err != nil {
			return nil, nil, err
		}
		seen := make(map[pointID]bool, len(ids))
		for _, id := range ids {
			p, ok := c.points[id]
			switch {
			case !ok && missing == nil:
				missing = &id
			case ok && !seen[id]:
				seen[id] = true
				found = append(found, p)
			}
		}
		return found, missing, nil
	}
	return nil, nil, errMalformed("PointsSelector is missing")
}
