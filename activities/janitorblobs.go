package activities

import (
	"context"
	"path"
	"strconv"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	// blobAge is how old a file must be to be judged: a younger one may belong
	// to an upload whose row is about to be written.
	blobAge      = time.Hour
	blobsPerPage = 500
	blobsPerPart = 5000
)

// SweepBlobs removes files that belong to nothing.
func (a *Janitor) SweepBlobs(ctx context.Context, in *temporal.JanitorPart) (*temporal.JanitorPartResult, error) {
	defer heartbeat(ctx)()
	l := a.look(in)
	var all []doomed
	l.result.Next = in.Cursor
	for {
		page, next, err := a.Blobs.List(ctx, l.result.Next, blobsPerPage)
		if err != nil {
			return nil, encode(ctx, err)
		}
		for _, blob := range page {
			if err := l.blob(ctx, blob, &all); err != nil {
				return nil, encode(ctx, err)
			}
		}
		l.result.Examined += len(page)
		l.result.Next = next
		if next == "" || l.result.Examined >= blobsPerPart || l.late() {
			break
		}
	}
	// Only now, for a page of a directory goes on after its last file.
	if err := l.carryOut(ctx, all); err != nil {
		return nil, encode(ctx, err)
	}
	return &l.result, nil
}

func (l *look) blob(ctx context.Context, blob chatconnect.BlobInfo, all *[]doomed) error {
	if time.Since(blob.ModifiedAt) < blobAge {
		return nil
	}
	about := []any{"key", blob.Key, "bytes", blob.Size, "modified", blob.ModifiedAt}
	d := doomed{
		kind: temporal.FindingOrphanBlob, about: about,
		remove: func(ctx context.Context) error { return l.Blobs.Delete(ctx, blob.Key) },
	}
	client, revision, name, ok := parseBlobKey(blob.Key)
	switch {
	case blob.Unfinished: // whoever wrote it has ended
		d.kind = temporal.FindingUnfinishedBlob
		d.judge = func(context.Context) (need, error) { return unneeded, nil }
	case !ok:
		if !l.Again {
			l.found(ctx, temporal.FindingForeignBlob, temporal.ActionReported, about...)
		}
		return nil
	default:
		wanted := func(document chatconnect.Document) bool { return blobWanted(document, revision.Version, name) }
		d.judge = func(ctx context.Context) (need, error) { return l.need(ctx, client, revision, wanted) }
	}
	return l.doom(ctx, all, d)
}

// blobWanted reports whether a file of a version may still be read. The parsed
// blocks serve only while the version is being ingested; the source also when
// it failed, because a retry begins with it.
func blobWanted(d chatconnect.Document, version int, name string) bool {
	if d.Status != chatconnect.StatusDeleting && name == path.Base(chatconnect.BlocksBlobKey(d.ClientID, chatconnect.Revision{})) {
		return beingIngested(d, version)
	}
	return inUse(d, version) || version == d.Version
}

// parseBlobKey reads what SourceBlobKey and BlocksBlobKey write.
func parseBlobKey(key string) (client chatconnect.ClientID, revision chatconnect.Revision, name string, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || !chatconnect.ValidUUID(parts[0]) || !chatconnect.ValidUUID(parts[1]) {
		return "", revision, "", false
	}
	version, err := strconv.Atoi(parts[2])
	if err != nil || version < 1 {
		return "", revision, "", false
	}
	return chatconnect.ClientID(parts[0]), chatconnect.Revision{DocumentID: chatconnect.DocumentID(parts[1]), Version: version}, parts[3], true
}
