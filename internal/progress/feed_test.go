package progress_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/progress"
	"github.com/chatconnect/chatconnect/internal/redisconn"
	"github.com/chatconnect/chatconnect/internal/redistest"
)

const patience = time.Minute // with a busy machine

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newFeed(t testing.TB, client redis.UniversalClient, options progress.Options) *progress.Feed {
	t.Helper()
	options.Redis = client
	if options.Timeout == 0 {
		options.Timeout = patience
	}
	f := progress.New(options)
	t.Cleanup(f.Close)
	return f
}

func newClientID() chatconnect.ClientID { return chatconnect.ClientID(uuid.NewString()) }

func document(client chatconnect.ClientID, percent int) chatconnect.Document {
	return chatconnect.Document{
		ID: "d", ClientID: client, Name: "n.pdf", Type: chatconnect.TypePDF, Version: 2,
		Status: chatconnect.StatusFailed, Progress: percent, ChunksTotal: 7,
		Error:     &chatconnect.DocumentError{Code: "c", Message: "m"},
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC),
	}
}

// hub keeps its connection however long this machine stands still: a feed that
// has heard nothing for five seconds would otherwise close its channels.
func hub(t testing.TB, client redis.UniversalClient) *redisconn.Hub {
	t.Helper()
	h := redisconn.NewHub(redisconn.HubOptions{Redis: client, Silence: patience})
	t.Cleanup(h.Close)
	return h
}

// receive returns the next document, or false if the channel is closed.
func receive(t *testing.T, from <-chan chatconnect.Document) (chatconnect.Document, bool) {
	t.Helper()
	select {
	case d, open := <-from:
		return d, open
	case <-time.After(patience):
		require.FailNow(t, "nothing was received")
		panic("unreachable")
	}
}

func TestChangesReachTheirClientOnly(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx := within(t)
		here, there := newFeed(t, client, progress.Options{Hub: hub(t, client)}), newFeed(t, client, progress.Options{Hub: hub(t, client)})
		mine, theirs := newClientID(), newClientID()
		a, err := here.SubscribeDocuments(ctx, mine)
		require.NoError(t, err)
		b, err := there.SubscribeDocuments(ctx, mine)
		require.NoError(t, err)
		c, err := there.SubscribeDocuments(ctx, theirs)
		require.NoError(t, err)

		secret := document(mine, 1)
		secret.BlobKey, secret.SHA256 = "k", "h"
		require.NoError(t, here.PublishDocument(ctx, secret))
		require.NoError(t, here.PublishDocument(ctx, document(theirs, 50)))
		require.NoError(t, here.PublishDocument(ctx, document(mine, 2)))
		for _, from := range []<-chan chatconnect.Document{a, b} {
			for percent := 1; percent <= 2; percent++ {
				d, open := receive(t, from)
				require.True(t, open)
				require.Equal(t, document(mine, percent), d, "its public fields, in order")
			}
		}
		d, _ := receive(t, c)
		require.Equal(t, theirs, d.ClientID)
		require.Empty(t, c)
	})
}

func TestChannelClosesWithItsContext(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, cancel := context.WithCancel(within(t))
		f := newFeed(t, client, progress.Options{})
		changes, err := f.SubscribeDocuments(ctx, newClientID())
		require.NoError(t, err)
		cancel()
		_, open := receive(t, changes)
		require.False(t, open)
	})
}

func TestChannelClosesWithTheFeed(t *testing.T) {
	t.Parallel()
	f := newFeed(t, redistest.Mini(t).Client(t), progress.Options{})
	changes, err := f.SubscribeDocuments(within(t), newClientID())
	require.NoError(t, err)
	f.Close()
	_, open := receive(t, changes)
	require.False(t, open)
}

func TestLostConnectionClosesTheChannel(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx, proxy, id := within(t), s.Proxy(t), newClientID()
		f := newFeed(t, proxy.Client(t), progress.Options{})
		changes, err := f.SubscribeDocuments(ctx, id)
		require.NoError(t, err)
		proxy.Cut()
		_, open := receive(t, changes)
		require.False(t, open)

		// It may be told to start again once more: for the new connection, too,
		// the channel may be left and taken again at any moment.
		elsewhere := newFeed(t, s.Client(t), progress.Options{})
		for open = false; !open; {
			again, err := f.SubscribeDocuments(ctx, id)
			require.NoError(t, err)
			require.NoError(t, elsewhere.PublishDocument(ctx, document(id, 9)))
			var d chatconnect.Document
			if d, open = receive(t, again); open {
				require.Equal(t, 9, d.Progress)
			}
		}
	})
}

func TestSlowReaderIsToldToStartAgain(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, client redis.UniversalClient) {
		ctx, id := within(t), newClientID()
		f := newFeed(t, client, progress.Options{Hub: hub(t, client), Buffer: 4})
		slow, err := f.SubscribeDocuments(ctx, id)
		require.NoError(t, err)
		fast, err := f.SubscribeDocuments(ctx, id)
		require.NoError(t, err)
		for percent := range 20 {
			require.NoError(t, f.PublishDocument(ctx, document(id, percent)))
			d, open := receive(t, fast)
			require.True(t, open)
			require.Equal(t, percent, d.Progress)
		}
		for percent := range 4 {
			d, open := receive(t, slow)
			require.True(t, open)
			require.Equal(t, percent, d.Progress)
		}
		_, open := receive(t, slow)
		require.False(t, open)
	})
}

func TestUnavailableRedisIsSaid(t *testing.T) {
	t.Parallel()
	redistest.EachServer(t, func(t *testing.T, s *redistest.Server) {
		ctx := within(t)
		f := newFeed(t, s.Client(t), progress.Options{Timeout: 100 * time.Millisecond})
		s.Stop()
		err := f.PublishDocument(ctx, document(newClientID(), 1))
		require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)
		_, err = f.SubscribeDocuments(ctx, newClientID())
		require.Equal(t, chatconnect.KindUnavailable, chatconnect.AsError(err).Kind)

		gone, cancel := context.WithCancel(ctx)
		cancel()
		_, err = f.SubscribeDocuments(gone, newClientID())
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestClientIDIsChecked(t *testing.T) {
	t.Parallel()
	f := newFeed(t, redistest.Mini(t).Client(t), progress.Options{})
	require.Error(t, f.PublishDocument(within(t), chatconnect.Document{}))
	_, err := f.SubscribeDocuments(within(t), "*")
	require.Error(t, err)
}
