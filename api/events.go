package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	eventQueue       = 64   // messages waiting for one browser
	snapshotPages    = 10   // of maxPage documents: the newest 2,000 of a client
	maxEventReadSize = 1024 // bytes; browsers have nothing to say here
)

// Close codes a dashboard acts on. On the first three it reconnects.
const (
	closeGoingAway = websocket.StatusGoingAway       // 1001: this process is shutting down
	closeTooSlow   = websocket.StatusTryAgainLater   // 1013: messages piled up
	closeBroken    = websocket.StatusInternalError   // 1011
	closeEnded     = websocket.StatusPolicyViolation // 1008: the login ended, or the membership
)

// snapshotMessage opens a client's events, and reopens them whenever some may
// have been missed. deltaMessage is one document's new state.
type snapshotMessage struct {
	Type      string                 `json:"type"` // "snapshot"
	ClientID  chatconnect.ClientID   `json:"clientId"`
	Documents []chatconnect.Document `json:"documents"`
}

type deltaMessage struct {
	Type     string               `json:"type"` // "document"
	Document chatconnect.Document `json:"document"`
}

// deletedMessage says that nothing is left of a document.
type deletedMessage struct {
	Type       string                 `json:"type"` // "deleted"
	ClientID   chatconnect.ClientID   `json:"clientId"`
	DocumentID chatconnect.DocumentID `json:"documentId"`
}

// getEvents is the WebSocket of the dashboard: for ?clientId=, or each of the
// user's clients, a snapshot and then every change. Clients joined or left
// while it is open appear and disappear at the next membership check.
func (s *Server) getEvents(c *gin.Context) {
	if !sameHost(c.Request) {
		s.fail(c, chatconnect.Errorf(chatconnect.KindForbidden, "cross_origin", "Requests from other sites are not accepted here."))
		return
	}
	only := c.Query("clientId")
	if only != "" {
		if _, _, err := s.memberOf(c, only); err != nil {
			s.fail(c, err)
			return
		}
	}
	if !headerHasToken(c.Request.Header, "Upgrade", "websocket") {
		c.Header("Connection", "Upgrade")
		c.Header("Upgrade", "websocket")
		s.fail(c, withStatus(http.StatusUpgradeRequired, chatconnect.Errorf(chatconnect.KindInvalid, "websocket_required", "This endpoint speaks WebSocket.")))
		return
	}
	token, err := c.Cookie(s.cookieName(sessionCookie))
	if err != nil {
		s.fail(c, chatconnect.ErrUnauthenticated)
		return
	}
	places, err := s.takeSocketPlaces(c, token)
	if err != nil {
		s.fail(c, err)
		return
	}
	defer places.giveBack()
	conn, err := websocket.Accept(c.Writer, c.Request, nil) // checks Origin too
	if err != nil {
		s.Logger.InfoContext(c.Request.Context(), "websocket refused", "error", err)
		c.Abort()
		return
	}
	conn.SetReadLimit(maxEventReadSize)
	// A hijacked request's context no longer tells of a disconnect; CloseRead's
	// does, and answers pings and the closing handshake.
	base, cut := context.WithCancel(context.WithoutCancel(c.Request.Context()))
	defer cut() // which closes the connection, whatever is under way on it
	ctx, cancel := context.WithCancel(conn.CloseRead(base))
	defer cancel()
	s.Metrics.SocketsChanged(1)
	defer s.Metrics.SocketsChanged(-1)
	w := &eventWriter{
		server: s, conn: conn, user: userID(c), token: token, only: chatconnect.ClientID(only),
		queue: make(chan any, eventQueue), end: make(chan closing, 1),
		streams: map[chatconnect.ClientID]context.CancelFunc{}, places: places, cut: cut,
	}
	reason := w.run(ctx)
	cancel()
	w.wg.Wait()
	defer time.AfterFunc(closeGrace, cut).Stop()
	_ = conn.Close(reason.code, reason.text)
}

// sameHost reports whether a browser's Origin, if there is one, is this host.
func sameHost(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

func headerHasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for value := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(value), token) {
				return true
			}
		}
	}
	return false
}

type closing struct {
	code websocket.StatusCode
	text string
}

// eventWriter is one open dashboard. Its streams, one for each client, queue
// messages; run alone writes them.
type eventWriter struct {
	server *Server
	conn   *websocket.Conn
	user   chatconnect.UserID
	token  string
	only   chatconnect.ClientID // empty for all of the user's

	places  places
	cut     func() // closes the connection at once
	queue   chan any
	end     chan closing                                // the first reason to stop
	streams map[chatconnect.ClientID]context.CancelFunc // keep's alone
	wg      sync.WaitGroup
}

// run writes what the streams queue until there is a reason to stop.
func (w *eventWriter) run(ctx context.Context) closing {
	w.wg.Go(func() { w.keep(ctx) })
	w.wg.Go(func() { w.watchSession(ctx) })
	for {
		select {
		case <-ctx.Done():
			return closing{websocket.StatusNormalClosure, ""}
		case <-w.server.draining:
			return closing{closeGoingAway, "reconnect"}
		case reason := <-w.end:
			return reason
		case message := <-w.queue:
			if err := w.write(ctx, message); err != nil {
				return closing{closeTooSlow, "too slow"}
			}
		}
	}
}

// stop ends run, for the first reason that is given.
func (w *eventWriter) stop(code websocket.StatusCode, text string) {
	select {
	case w.end <- closing{code, text}:
	default:
	}
}

// keep opens the streams, and from time to time makes sure that the browser
// is there and its user still may look.
func (w *eventWriter) keep(ctx context.Context) {
	ticker := time.NewTicker(w.server.timing.ping)
	defer ticker.Stop()
	for w.checkMembership(ctx) {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		w.places.renew(ctx)
		ping, cancel := context.WithTimeout(ctx, w.server.timing.write)
		err := w.conn.Ping(ping)
		cancel()
		if err != nil {
			w.stop(closeTooSlow, "no answer to a ping")
			return
		}
	}
}

func (w *eventWriter) write(ctx context.Context, message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, w.server.timing.write)
	defer cancel()
	return w.conn.Write(ctx, websocket.MessageText, body)
}

// checkMembership opens the streams of clients the user has come to belong
// to and ends those of clients he has left. A dependency that is down changes
// nothing; a login that has ended stops everything, and false is returned.
func (w *eventWriter) checkMembership(ctx context.Context) bool {
	s := w.server
	ended, err := w.loginEnded(ctx)
	if ended || err != nil {
		return !ended
	}
	listing, cancel := context.WithTimeout(ctx, s.timing.dependency)
	defer cancel()
	clients, err := s.Users.Clients(listing, w.user)
	if err != nil {
		if len(w.streams) == 0 && ctx.Err() == nil {
			s.Logger.ErrorContext(ctx, "list clients for events", "error", err)
			w.stop(closeBroken, "try again")
			return false
		}
		return true
	}
	member := map[chatconnect.ClientID]bool{}
	for _, client := range clients {
		if w.only != "" && client.ID != w.only {
			continue
		}
		member[client.ID] = true
		if w.streams[client.ID] == nil {
			stream, stop := context.WithCancel(ctx)
			w.streams[client.ID] = stop
			w.wg.Go(func() { w.stream(stream, client.ID) })
		}
	}
	for client, stop := range w.streams {
		if !member[client] {
			stop()
			delete(w.streams, client)
		}
	}
	if w.only != "" && !member[w.only] {
		w.stop(closeEnded, "membership ended")
		return false
	}
	return true
}

// stream sends one client's documents until ctx ends. It subscribes before it
// takes the snapshot, so that no change falls between the two, and starts over
// whenever the feed breaks. Without a feed it still sends snapshots, ever more
// slowly.
func (w *eventWriter) stream(ctx context.Context, client chatconnect.ClientID) {
	s := w.server
	pause := s.timing.resubscribe
	for ctx.Err() == nil {
		subscription, cancel := context.WithCancel(ctx)
		changes, err := s.Progress.SubscribeDocuments(subscription, client)
		if err != nil && ctx.Err() == nil {
			s.Logger.WarnContext(ctx, "subscribe to documents", "client_id", client, "error", err)
		}
		delivered, ok := w.follow(ctx, client, changes)
		cancel()
		if !ok {
			return
		}
		if delivered {
			pause = s.timing.resubscribe
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 16*s.timing.resubscribe)
	}
}

// follow sends a snapshot and then the changes until their channel closes; a
// nil channel ends it after the snapshot. It reports whether any change came,
// and whether there is still a reader.
func (w *eventWriter) follow(ctx context.Context, client chatconnect.ClientID, changes <-chan chatconnect.Document) (delivered, ok bool) {
	documents, err := w.snapshot(ctx, client)
	if err != nil {
		if ctx.Err() == nil {
			w.server.Logger.ErrorContext(ctx, "snapshot of documents", "client_id", client, "error", err)
		}
		return false, true
	}
	sent := make(map[chatconnect.DocumentID]chatconnect.Document, len(documents))
	for _, d := range documents {
		sent[d.ID] = d
	}
	if !w.send(ctx, snapshotMessage{Type: "snapshot", ClientID: client, Documents: documents}) {
		return false, false
	}
	if changes == nil {
		return false, true
	}
	for {
		select {
		case <-ctx.Done():
			return delivered, false
		case d, open := <-changes:
			if !open {
				return delivered, true
			}
			delivered = true
			if d.ClientID != client {
				continue
			}
			if before, known := sent[d.ID]; known && !supersedes(d, before) {
				continue
			}
			sent[d.ID] = d
			if !w.send(ctx, messageOf(d)) {
				return delivered, false
			}
		}
	}
}

func messageOf(d chatconnect.Document) any {
	if d.Status == chatconnect.StatusDeleted {
		return deletedMessage{Type: "deleted", ClientID: d.ClientID, DocumentID: d.ID}
	}
	return deltaMessage{Type: "document", Document: d}
}

func (w *eventWriter) snapshot(ctx context.Context, client chatconnect.ClientID) ([]chatconnect.Document, error) {
	all := []chatconnect.Document{}
	cursor := ""
	for range snapshotPages {
		page, cancel := context.WithTimeout(ctx, w.server.timing.dependency)
		documents, next, err := w.server.Documents.Documents(page, client, chatconnect.DocumentFilter{Cursor: cursor, Limit: maxPage})
		cancel()
		if err != nil {
			return nil, err
		}
		all = append(all, documents...)
		if cursor = next; cursor == "" {
			break
		}
	}
	return all, nil
}

// send queues a message. A browser that doesn't empty its queue for a while
// is told to come back and start with a fresh snapshot.
func (w *eventWriter) send(ctx context.Context, message any) bool {
	select {
	case w.queue <- message:
		return true
	default:
	}
	timer := time.NewTimer(w.server.timing.slowReader)
	defer timer.Stop()
	select {
	case w.queue <- message:
		return true
	case <-ctx.Done():
	case <-timer.C:
		w.server.Logger.InfoContext(ctx, "websocket reader is too slow")
		w.stop(closeTooSlow, "too slow")
	}
	return false
}

// supersedes reports whether a document's state is later than one already
// sent. Versions count up; a retry begins the stages of its version anew, and
// what the attempt before it said late is over. Within an attempt progress never
// falls until it has ended, and only a later change can follow the end.
func supersedes(d, sent chatconnect.Document) bool {
	switch {
	case sent.Status == chatconnect.StatusDeleted:
		return false // a late step of an ingestion that was cancelled
	case d.Status == chatconnect.StatusDeleted:
		return true
	case d.Version != sent.Version:
		return d.Version > sent.Version
	case len(d.Stages) > 0 && len(sent.Stages) > 0 && !d.Stages[0].StartedAt.Equal(sent.Stages[0].StartedAt):
		return d.Stages[0].StartedAt.After(sent.Stages[0].StartedAt)
	case sent.Status.Final():
		return d.UpdatedAt.After(sent.UpdatedAt)
	case d.Status.Final():
		return true
	case d.Progress != sent.Progress:
		return d.Progress > sent.Progress
	case d.ChunksDone != sent.ChunksDone:
		// Batches that end side by side carry the times at which they began.
		return d.ChunksDone > sent.ChunksDone
	}
	return d.UpdatedAt.After(sent.UpdatedAt)
}
