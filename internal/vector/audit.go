package vector

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/qdrant/go-client/qdrant"
)

// Audit implements chatconnect.IndexAudit. It is the one type here that reads
// points without a scope, and can't be got from an Index by an interface that
// search or ingestion has; it asks for the keys that say whose a point is and
// for nothing else, and it writes nothing.
type Audit struct{ index *Index }

var _ chatconnect.IndexAudit = Audit{}

// NewAudit looks at what the index holds of all clients.
func NewAudit(x *Index) Audit { return Audit{index: x} }

// ScanRevisions implements chatconnect.IndexAudit. Its cursor is
// "<collection>/<point id>".
func (a Audit) ScanRevisions(ctx context.Context, cursor string, limit int) ([]chatconnect.IndexedRevision, string, error) {
	generations, err := a.index.Generations(ctx)
	if err != nil {
		return nil, "", err
	}
	all := generations.All()
	slices.SortFunc(all, func(a, b chatconnect.Generation) int { return cmp.Compare(a.Collection, b.Collection) })
	collection, offset, _ := strings.Cut(cursor, "/")
	// A generation that was removed since is passed over.
	at := slices.IndexFunc(all, func(g chatconnect.Generation) bool { return g.Collection >= collection })
	if at < 0 {
		return nil, "", nil
	}
	if all[at].Collection != collection {
		offset = ""
	}
	type page struct {
		points []*qdrant.RetrievedPoint
		next   *qdrant.PointId
	}
	got, err := call(ctx, a.index, "scan", readTimeout, all[at], func(ctx context.Context, collection string) (p page, err error) {
		request := &qdrant.ScrollPoints{
			CollectionName: collection,
			Limit:          qdrant.PtrOf(uint32(max(1, limit))),
			WithPayload:    qdrant.NewWithPayloadInclude(keyClient, keyDocument, keyVersion),
			WithVectors:    qdrant.NewWithVectors(false),
		}
		if offset != "" {
			request.Offset = pointAt(offset)
		}
		p.points, p.next, err = a.index.client.ScrollAndOffset(ctx, request)
		return p, err
	})
	if err != nil {
		return nil, "", err
	}
	next := ""
	switch {
	case got.next != nil:
		next = all[at].Collection + "/" + placeOf(got.next)
	case at+1 < len(all):
		next = all[at+1].Collection + "/"
	}
	return owners(got.points), next, nil
}

// placeOf and pointAt write an id into a cursor and read it. Ours are all UUIDs,
// but a point of somebody else's may have a number, and such come first.
func placeOf(id *qdrant.PointId) string {
	if _, numbered := id.GetPointIdOptions().(*qdrant.PointId_Num); numbered {
		return strconv.FormatUint(id.GetNum(), 10)
	}
	return id.GetUuid()
}

func pointAt(place string) *qdrant.PointId {
	if n, err := strconv.ParseUint(place, 10, 64); err == nil {
		return qdrant.NewIDNum(n)
	}
	return qdrant.NewIDUUID(place)
}

// owners groups points by the revision their payload names.
func owners(points []*qdrant.RetrievedPoint) []chatconnect.IndexedRevision {
	var found []chatconnect.IndexedRevision
	places := map[chatconnect.IndexedRevision]int{}
	for _, p := range points {
		payload := p.GetPayload()
		owner := chatconnect.IndexedRevision{
			ClientID: chatconnect.ClientID(payload[keyClient].GetStringValue()),
			Revision: chatconnect.Revision{
				DocumentID: chatconnect.DocumentID(payload[keyDocument].GetStringValue()),
				Version:    int(payload[keyVersion].GetIntegerValue()),
			},
		}
		if !chatconnect.ValidUUID(string(owner.ClientID)) || !chatconnect.ValidUUID(string(owner.DocumentID)) || owner.Version < 1 {
			owner = chatconnect.IndexedRevision{} // nothing of ours
		}
		place, known := places[owner]
		if !known {
			place = len(found)
			places[owner] = place
			found = append(found, owner)
		}
		found[place].Points++
	}
	return found
}
