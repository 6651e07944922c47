package activities

import (
	"context"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// CountClient counts what every store keeps of the client, and what works for
// it.
func (a *Commands) CountClient(ctx context.Context, in *temporal.PurgeInput) (*temporal.Remains, error) {
	defer heartbeat(ctx)()
	var left temporal.Remains
	var err error
	if left.Points, err = a.Index.CountClient(ctx, in.ClientID); err != nil {
		return nil, encode(ctx, err)
	}
	if left.Rows, err = a.Purges.ClientRows(ctx, in.ClientID); err != nil {
		return nil, encode(ctx, err)
	}
	if left.Blobs, err = a.Blobs.CountPrefix(ctx, chatconnect.ClientBlobPrefix(in.ClientID)); err != nil {
		return nil, encode(ctx, err)
	}
	if left.Keys, err = a.Cache.CountClient(ctx, in.ClientID); err != nil {
		return nil, encode(ctx, err)
	}
	running, err := a.running(ctx, in.ClientID)
	if err != nil {
		return nil, encode(ctx, err)
	}
	left.Workflows = len(running)
	return &left, nil
}

// RecordPurge writes down what there was, where it outlives the client.
func (a *Commands) RecordPurge(ctx context.Context, in *temporal.PurgeRecord) (*struct{}, error) {
	defer heartbeat(ctx)()
	before := in.Before
	err := a.Purges.RecordPurge(ctx, in.ClientID, map[string]int{
		"points": before.Points, "rows": before.Rows, "blobs": before.Blobs, "keys": before.Keys, "workflows": before.Workflows,
	})
	if err != nil {
		return nil, encode(ctx, err)
	}
	a.Logger.InfoContext(ctx, "client is being deleted", "client_id", in.ClientID, "before", before)
	return &struct{}{}, nil
}

// RemoveClient empties every store. Rows go last: what still refers to them
// finds out that the client is gone by their absence.
func (a *Commands) RemoveClient(ctx context.Context, in *temporal.PurgeInput) (*struct{}, error) {
	defer heartbeat(ctx)()
	for _, remove := range []func() error{
		func() error { return a.Index.DeleteClient(ctx, in.ClientID) },
		func() error { return a.Blobs.DeletePrefix(ctx, chatconnect.ClientBlobPrefix(in.ClientID)) },
		func() error { return a.Cache.DeleteClient(ctx, in.ClientID) },
		func() error { return a.Purges.PurgeRows(ctx, in.ClientID) },
	} {
		if err := remove(); err != nil {
			return nil, encode(ctx, err)
		}
	}
	return &struct{}{}, nil
}

// FinishPurge notes that every store counted nothing.
func (a *Commands) FinishPurge(ctx context.Context, in *temporal.PurgeInput) (*struct{}, error) {
	defer heartbeat(ctx)()
	if err := a.Purges.FinishPurge(ctx, in.ClientID); err != nil {
		return nil, encode(ctx, err)
	}
	a.Logger.InfoContext(ctx, "client deleted, nothing left", "client_id", in.ClientID)
	return &struct{}{}, nil
}
