package activities

import (
	"context"
	"errors"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// errPointsLeft has the removal repeated.
var errPointsLeft = chatconnect.Errorf(chatconnect.KindUnavailable, "points_left",
	"The search index still holds parts of the document.")

// RemoveDocument removes all that the document's versions left. The row goes
// last, and not before the index is empty: as long as there is one, search
// knows what not to see.
func (a *Commands) RemoveDocument(ctx context.Context, in *temporal.DeleteInput) (*struct{}, error) {
	defer heartbeat(ctx)()
	if err := a.Index.DeleteDocument(ctx, in.ClientID, in.DocumentID); err != nil {
		return nil, encode(ctx, err)
	}
	if err := a.Blobs.DeletePrefix(ctx, chatconnect.BlobPrefix(in.ClientID, in.DocumentID)); err != nil {
		return nil, encode(ctx, err)
	}
	points, err := a.Index.CountDocument(ctx, in.ClientID, in.DocumentID)
	if err == nil && points > 0 {
		err = errPointsLeft
	}
	if err != nil {
		return nil, encode(ctx, err)
	}
	if err := a.Documents.DeleteDocument(ctx, in.ClientID, in.DocumentID); err != nil && !errors.Is(err, chatconnect.ErrNotFound) {
		return nil, encode(ctx, err)
	}
	return &struct{}{}, nil
}

// CountDocument counts what is left. The document's row stands for its
// chunks, which can't be without it.
func (a *Commands) CountDocument(ctx context.Context, in *temporal.DeleteInput) (*temporal.Remains, error) {
	defer heartbeat(ctx)()
	var left temporal.Remains
	var err error
	if left.Points, err = a.Index.CountDocument(ctx, in.ClientID, in.DocumentID); err != nil {
		return nil, encode(ctx, err)
	}
	if left.Blobs, err = a.Blobs.CountPrefix(ctx, chatconnect.BlobPrefix(in.ClientID, in.DocumentID)); err != nil {
		return nil, encode(ctx, err)
	}
	switch _, err = a.Documents.Document(ctx, in.ClientID, in.DocumentID); {
	case err == nil:
		left.Rows = 1
	case !errors.Is(err, chatconnect.ErrNotFound):
		return nil, encode(ctx, err)
	}
	return &left, nil
}

// AnnounceDeleted tells the dashboards. Those that miss it find out by their
// next snapshot.
func (a *Commands) AnnounceDeleted(ctx context.Context, in *temporal.DeleteInput) (*struct{}, error) {
	defer heartbeat(ctx)()
	gone := chatconnect.Document{ID: in.DocumentID, ClientID: in.ClientID, Version: in.Version, Status: chatconnect.StatusDeleted}
	if err := a.Progress.PublishDocument(ctx, gone); err != nil {
		a.Logger.WarnContext(ctx, "deletion not published", "document_id", in.DocumentID, "error", err)
	}
	return &struct{}{}, nil
}
