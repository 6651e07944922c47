package api_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

func (b *browser) replace(d chatconnect.Document, parts ...part) response {
	b.t.Helper()
	contentType, body := form(b.t, parts...)
	return b.with("Content-Type", contentType).do(b.t.Context(), "POST", "/api/dashboard/documents/"+string(d.ID)+"/replace", body)
}

func TestReplace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	d := b.learned(client, "ready", "old")
	d.ActiveVersion = 1
	documentStore{memory: b.memory}.set(d)
	owner.upload("", part{"clientId", "", string(client)}, part{"file", "other.txt", "other"})

	r := owner.replace(d, part{"file", "new.csv", "new"})
	require.Equal(t, 202, r.StatusCode, "%s", r.body)
	require.EqualValues(t, 2, r.json(t)["version"])
	require.Equal(t, "queued", r.json(t)["status"])
	require.Equal(t, d.Name, r.json(t)["name"])
	revision := chatconnect.Revision{DocumentID: d.ID, Version: 2}
	require.Equal(t, "new", string(b.memory.blobs[chatconnect.SourceBlobKey(client, revision)]))
	started := b.workflows.starts()
	last := started[len(started)-1]
	require.Equal(t, temporal.IngestionWorkflowID(client, revision), last.options.ID)
	require.Equal(t, &temporal.IngestInput{ClientID: client, DocumentID: d.ID, Version: 2, Type: "csv", Name: "new.csv", Replaces: 1}, last.input)
	require.Contains(t, b.memory.actions(), "document.replace")

	owner.replace(d, part{"file", "new.txt", "newer"}).problem(t, 409, "document_busy")
	// Not started yet: cancelled on the spot, and the old version is what it was.
	delete(b.workflows.runs, last.options.ID)
	cancelled := owner.post("/api/dashboard/documents/"+string(d.ID)+"/cancel", nil)
	require.Equal(t, 202, cancelled.StatusCode, "%s", cancelled.body)
	require.Equal(t, "ready", cancelled.json(t)["status"])
	require.Equal(t, "document_cancelled", cancelled.json(t)["error"].(object)["code"])
	require.NotContains(t, b.memory.blobs, chatconnect.SourceBlobKey(client, revision))
}

func TestReplaceRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	d := b.learned(client, "ready", "old")
	owner.upload("", part{"clientId", "", string(client)}, part{"file", "other.txt", "other"})
	blobs, starts := len(b.memory.blobs), len(b.workflows.starts())

	owner.replace(d, part{"file", "a.txt", "other"}).problem(t, 409, "document_duplicate")
	owner.replace(d, part{"file", "a.txt", "1"}, part{"file", "b.txt", "2"}).problem(t, 400, "file_missing")
	owner.replace(d, part{"note", "", "x"}).problem(t, 400, "file_missing")
	owner.replace(d, part{"file", "a.exe", "MZ"}).problem(t, 415, "file_type_unsupported")
	owner.replace(b.learned(client, "deleting", "gone"), part{"file", "a.txt", "1"}).problem(t, 409, "document_deleting")
	b.memory.failReplace = errors.New("lost")
	owner.replace(d, part{"file", "a.txt", "1"}).problem(t, 500, "internal")
	viewer, id := b.register("viewer@example.com")
	b.memory.setRole(client, id, chatconnect.RoleViewer)
	viewer.replace(d, part{"file", "a.txt", "1"}).problem(t, 403, "forbidden")
	require.Len(t, b.memory.blobs, blobs, "nothing is left")
	require.Len(t, b.workflows.starts(), starts)
}
