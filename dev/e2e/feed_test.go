package e2e

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

// feedMessage is what the dashboard's WebSocket says: a snapshot, a document's
// new state, or that nothing is left of one.
type feedMessage struct {
	Type       string
	ClientID   chatconnect.ClientID
	Documents  []chatconnect.Document
	Document   *chatconnect.Document
	DocumentID chatconnect.DocumentID
}

// feedSilence is when a feed is opened anew. A change that Redis was too slow to
// take is told by the next snapshot only (activities.Ingestion.publish), and a
// test waits for the change, not for the message.
const feedSilence = 20 * time.Second

var errSilence = errors.New("nothing was said for long")

// follow reads the dashboard's WebSocket until done says so. It comes back when
// the server asks for that, as a dashboard does.
func (c *tenant) follow(done func(feedMessage) bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := c.followOnce(ctx, done)
		if err == nil {
			return
		}
		require.NoError(c.t, ctx.Err(), "%v", err)
		again := []websocket.StatusCode{websocket.StatusGoingAway, websocket.StatusTryAgainLater, websocket.StatusInternalError}
		if !slices.Contains(again, websocket.CloseStatus(err)) {
			require.ErrorIs(c.t, err, errSilence, "not of the server's asking")
		}
		c.t.Logf("events: opened again after %v", err)
	}
}

// dialEvents opens a client's feed; it asks again as do does.
func (p *person) dialEvents(ctx context.Context, id chatconnect.ClientID) (*websocket.Conn, *http.Response, error) {
	p.t.Helper()
	for {
		connection, refused, err := websocket.Dial(ctx, strings.Replace(p.base, "http", "ws", 1)+"/api/dashboard/events?clientId="+string(id),
			&websocket.DialOptions{HTTPClient: &http.Client{Jar: p.http.Jar}, HTTPHeader: http.Header{"Origin": {p.base}}})
		if err == nil || refused == nil || refused.StatusCode != http.StatusServiceUnavailable || ctx.Err() != nil {
			return connection, refused, err
		}
		p.t.Log("events: no session in time, asked again")
	}
}

// followOnce returns nil once done has said so.
func (c *tenant) followOnce(ctx context.Context, done func(feedMessage) bool) error {
	c.t.Helper()
	connection, _, err := c.dialEvents(ctx, c.ID)
	require.NoError(c.t, err)
	defer connection.CloseNow()
	connection.SetReadLimit(1 << 20)
	for {
		var message feedMessage
		reading, cancel := context.WithTimeout(ctx, feedSilence)
		err := wsjson.Read(reading, connection, &message)
		if err != nil && reading.Err() != nil {
			err = errSilence // whether it is called a late or a closed connection
		}
		cancel()
		if err != nil {
			return err
		}
		if done(message) {
			return nil
		}
	}
}
