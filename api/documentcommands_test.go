package api_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/temporal"
)

// learned puts a document of that status where an upload would.
func (b *bundle) learned(client chatconnect.ClientID, status chatconnect.Status, content string) chatconnect.Document {
	d := chatconnect.Document{
		ID: chatconnect.DocumentID(uuid.NewString()), ClientID: client, Name: content + ".txt", Size: 4, Type: "txt", Status: status,
		Version: 1, SHA256: content, CreatedAt: time.Now(), UpdatedAt: time.Now().Add(-time.Minute),
	}
	documentStore{memory: b.memory}.set(d)
	return d
}

func TestDeleteDocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	for _, status := range []chatconnect.Status{"queued", "embedding", "ready", "failed", "cancelled"} {
		d := b.learned(client, status, string(status))
		path := "/api/dashboard/documents/" + string(d.ID)
		for range 2 {
			r := owner.do(t.Context(), "DELETE", path, nil)
			require.Equal(t, 202, r.StatusCode, "%s", r.body)
			require.Equal(t, "deleting", r.json(t)["status"])
			started := b.workflows.starts()
			last := started[len(started)-1]
			require.Equal(t, temporal.WorkflowDeleteDocument, last.name)
			require.Equal(t, temporal.DeleteWorkflowID(client, d.ID), last.options.ID)
			require.Equal(t, enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, last.options.WorkflowIDConflictPolicy)
			require.Equal(t, string(client), last.options.Priority.FairnessKey)
			require.Equal(t, &temporal.DeleteInput{ClientID: client, DocumentID: d.ID, Version: 1}, last.input)
		}
	}
	require.Len(t, b.memory.actions(), 1+5, "the second time nothing was done")

	// Without Temporal it is noted all the same; a worker starts it.
	b.workflows.down = errors.New("away")
	d := b.learned(client, "ready", "late")
	require.Equal(t, 202, owner.do(t.Context(), "DELETE", "/api/dashboard/documents/"+string(d.ID), nil).StatusCode)
	stored, err := documentStore{memory: b.memory}.Document(t.Context(), client, d.ID)
	require.NoError(t, err)
	require.Equal(t, chatconnect.StatusDeleting, stored.Status)
}

func TestRetry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	retry := func(d chatconnect.Document) response {
		return owner.post("/api/dashboard/documents/"+string(d.ID)+"/retry", nil)
	}
	for _, status := range []chatconnect.Status{"queued", "storing", "ready", "deleting"} {
		retry(b.learned(client, status, string(status))).problem(t, 409, "document_not_retryable")
	}
	d := b.learned(client, "failed", "broken")
	r := retry(d)
	require.Equal(t, 202, r.StatusCode, "%s", r.body)
	require.Equal(t, "queued", r.json(t)["status"])
	started := b.workflows.starts()
	require.Len(t, started, 1)
	require.Equal(t, temporal.IngestionWorkflowID(client, chatconnect.Revision{DocumentID: d.ID, Version: 1}), started[0].options.ID)
	retry(d).problem(t, 409, "document_not_retryable")

	old := b.learned(client, "failed", "again")
	b.learned(client, "ready", "again")
	retry(old).problem(t, 409, "document_duplicate")

	b.learned(client, "failed", "second")
	b.learned(client, "cancelled", "third")
	r = owner.post("/api/dashboard/documents/retry", object{"clientId": client})
	require.Equal(t, 202, r.StatusCode, "%s", r.body)
	require.Len(t, r.json(t)["documents"], 1, "neither the duplicate nor the cancelled one")
	require.Len(t, b.workflows.starts(), 2)
}

// TestRetryWaitsForTheRunThatIsEnding: starting before would attach to it.
func TestRetryWaitsForTheRunThatIsEnding(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.server.Quick(func(timing *api.Timing) { timing.StartTimeout = time.Hour })
	owner, client, _ := b.tenant("a@example.com")
	d := b.learned(client, "failed", "broken")
	d.UpdatedAt = time.Now().Add(time.Minute) // just now, however long the request takes to arrive
	documentStore{memory: b.memory}.set(d)
	ending := newRun(temporal.IngestionWorkflowID(client, chatconnect.Revision{DocumentID: d.ID, Version: 1}))
	b.workflows.runs[ending.id] = ending
	done := make(chan response, 1)
	go func() { done <- owner.post("/api/dashboard/documents/"+string(d.ID)+"/retry", nil) }()
	<-ending.asked
	require.Empty(t, b.workflows.starts())
	ending.finish(temporal.ChatResult{})
	require.Equal(t, 202, (<-done).StatusCode)
	require.Len(t, b.workflows.starts(), 1)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	cancel := func(d chatconnect.Document) response {
		return owner.post("/api/dashboard/documents/"+string(d.ID)+"/cancel", nil)
	}
	cancel(b.learned(client, "ready", "ready")).problem(t, 409, "document_not_running")
	cancel(b.learned(client, "failed", "failed")).problem(t, 409, "document_not_running")
	cancel(b.learned(client, "deleting", "deleting")).problem(t, 409, "document_deleting")
	require.Equal(t, 202, cancel(b.learned(client, "cancelled", "cancelled")).StatusCode)

	running := b.learned(client, "embedding", "running")
	id := temporal.IngestionWorkflowID(client, chatconnect.Revision{DocumentID: running.ID, Version: 1})
	b.workflows.runs[id] = newRun(id)
	r := cancel(running)
	require.Equal(t, 202, r.StatusCode, "%s", r.body)
	require.Equal(t, "embedding", r.json(t)["status"], "the workflow says when it has ended")
	require.Equal(t, []string{id}, b.workflows.cancelled)

	waiting := b.learned(client, "queued", "waiting") // Temporal doesn't know it yet
	r = cancel(waiting)
	require.Equal(t, 202, r.StatusCode, "%s", r.body)
	require.Equal(t, "cancelled", r.json(t)["status"])

	b.workflows.down = errors.New("away")
	cancel(running).problem(t, 503, "workflows_unavailable")
}

func TestCommandsNeedAWriter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, _ := b.tenant("a@example.com")
	viewer, id := b.register("viewer@example.com")
	b.memory.setRole(client, id, chatconnect.RoleViewer)
	path := "/api/dashboard/documents/" + string(b.learned(client, "failed", "x").ID)
	viewer.do(t.Context(), "DELETE", path, nil).problem(t, 403, "forbidden")
	viewer.post(path+"/retry", nil).problem(t, 403, "forbidden")
	viewer.post(path+"/cancel", nil).problem(t, 403, "forbidden")
	viewer.post("/api/dashboard/documents/retry", object{"clientId": client}).problem(t, 403, "forbidden")
	b.memory.setRole(client, id, chatconnect.RoleAdmin)
	viewer.do(t.Context(), "DELETE", "/api/dashboard/clients/"+string(client), nil).problem(t, 403, "forbidden")
	require.Empty(t, b.workflows.starts())
}

func TestUploadOfWhatIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	upload := func(files ...part) response {
		return owner.upload("", append([]part{{"clientId", "", string(client)}}, files...)...)
	}
	first := upload(part{"file", "a.txt", "tea"})
	require.Equal(t, 202, first.StatusCode, "%s", first.body)
	require.Empty(t, first.json(t)["duplicates"])
	id := first.json(t)["documents"].([]any)[0].(object)["id"]

	again := upload(part{"file", "b.txt", "tea"})
	require.Equal(t, 200, again.StatusCode, "%s", again.body)
	require.Equal(t, []any{object{"name": "b.txt", "documentId": id}}, again.json(t)["duplicates"])
	require.Equal(t, id, again.json(t)["documents"].([]any)[0].(object)["id"])

	mixed := upload(part{"file", "c.txt", "coffee"}, part{"file", "d.txt", "coffee"})
	require.Equal(t, 202, mixed.StatusCode, "%s", mixed.body)
	require.Len(t, mixed.json(t)["documents"], 2)
	require.Len(t, mixed.json(t)["duplicates"], 1, "also within one request")
	require.Len(t, b.workflows.starts(), 2)
	require.Len(t, b.memory.blobs, 2)
	require.Equal(t, []string{"client.create", "document.upload", "document.upload"}, b.memory.actions())
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	path := "/api/dashboard/clients/" + string(client)
	stranger, _ := b.register("b@example.com")
	stranger.do(t.Context(), "DELETE", path, nil).problem(t, 404, "not_found")
	for range 2 {
		r := owner.do(t.Context(), "DELETE", path, nil)
		require.Equal(t, 202, r.StatusCode, "%s", r.body)
		require.Equal(t, object{"clientId": string(client), "status": "deleting"}, r.json(t))
	}
	owner.get(path).problem(t, 404, "not_found")
	b.browser().with("x-api-key", key).get("/api/widget/config").problem(t, 401, "api_key_invalid")
	for _, started := range b.workflows.starts() {
		require.Equal(t, temporal.WorkflowPurgeClient, started.name)
		require.Equal(t, temporal.PurgeWorkflowID(client), started.options.ID)
		require.Equal(t, &temporal.PurgeInput{ClientID: client}, started.input)
	}
}

// TestEventsTellOfDeletions, and of nothing that is said of the document later.
func TestEventsTellOfDeletions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	d := b.learned(client, "deleting", "x")
	socket := owner.dial("?clientId=" + string(client))
	require.Equal(t, "snapshot", socket.next().Type)
	gone := chatconnect.Document{ID: d.ID, ClientID: client, Version: 1, Status: chatconnect.StatusDeleted}
	require.NoError(t, b.feed.PublishDocument(t.Context(), gone))
	late := d
	late.Status, late.UpdatedAt = chatconnect.StatusCancelled, time.Now().Add(time.Hour)
	require.NoError(t, b.feed.PublishDocument(t.Context(), late))
	other := b.learned(client, "queued", "y")
	require.NoError(t, b.feed.PublishDocument(t.Context(), other))
	told := socket.next()
	require.Equal(t, "deleted", told.Type)
	require.Equal(t, client, told.ClientID)
	require.Equal(t, d.ID, told.DocumentID)
	require.Equal(t, other.ID, socket.next().Document.ID)
}
