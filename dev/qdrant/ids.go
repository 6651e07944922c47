package qdrant

import (
	"bytes"
	"cmp"
	"strconv"

	"github.com/google/uuid"
	pb "github.com/qdrant/go-client/qdrant"
)

// pointID is a number or a UUID. All numbers come before all UUIDs; scrolling
// goes in this order.
type pointID struct {
	isUUID bool
	number uint64
	uuid   uuid.UUID
}

func parseID(id *pb.PointId) (pointID, error) {
	switch v := id.GetPointIdOptions().(type) {
	case *pb.PointId_Num:
		return pointID{number: v.Num}, nil
	case *pb.PointId_Uuid:
		u, err := uuid.Parse(v.Uuid)
		if err != nil {
			return pointID{}, errMalformed("Unable to parse UUID: %s", v.Uuid)
		}
		return pointID{isUUID: true, uuid: u}, nil
	}
	return pointID{}, errMalformed("Empty ID is not allowed")
}

func parseIDs(list []*pb.PointId) ([]pointID, error) {
	ids := make([]pointID, len(list))
	for i, id := range list {
		var err error
		if ids[i], err = parseID(id); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (id pointID) proto() *pb.PointId {
	if id.isUUID {
		return pb.NewIDUUID(id.uuid.String())
	}
	return pb.NewIDNum(id.number)
}

func (id pointID) String() string {
	if id.isUUID {
		return id.uuid.String()
	}
	return strconv.FormatUint(id.number, 10)
}

func compareIDs(a, b pointID) int {
	if a.isUUID != b.isUUID {
		if b.isUUID {
			return -1
		}
		return 1
	}
	if a.isUUID {
		return bytes.Compare(a.uuid[:], b.uuid[:])
	}
	return cmp.Compare(a.number, b.number)
}
