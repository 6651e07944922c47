package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/temporal"
)

// steppingStore adds to documentStore what the internal endpoints rely on: one
// row for an id, and steps that never go back.
type steppingStore struct{ documentStore }

func stepping(o *api.Options) {
	o.Documents = steppingStore{o.Documents.(documentStore)}
}

var order = []chatconnect.Status{
	chatconnect.StatusUploading, chatconnect.StatusQueued, chatconnect.StatusParsing,
	chatconnect.StatusChunking, chatconnect.StatusEmbedding, chatconnect.StatusStoring,
}

func (s steppingStore) CreateDocument(ctx context.Context, client chatconnect.ClientID, d chatconnect.Document) (chatconnect.Document, error) {
	s.mu.Lock()
	there := slices.ContainsFunc(s.documents[client], func(other chatconnect.Document) bool { return other.ID == d.ID })
	if !there && s.failCreateDocument == nil {
		s.documents[client] = append([]chatconnect.Document{d}, s.documents[client]...)
	}
	s.mu.Unlock()
	if there {
		return chatconnect.Document{}, chatconnect.Errorf(chatconnect.KindConflict, "already_exists", "This exists already.")
	}
	return d, s.failCreateDocument
}

func (s steppingStore) UpdateProgress(ctx context.Context, client chatconnect.ClientID, p chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	d, err := s.Document(ctx, client, p.DocumentID)
	if err != nil || d.Version != p.Version || d.Status.Final() {
		return d, false, err
	}
	before := d
	if slices.Index(order, p.Status) >= slices.Index(order, d.Status) {
		d.Status = p.Status
		if p.Stage != "" {
			d.Stage = p.Stage
		}
	}
	d.Progress = max(d.Progress, p.Progress)
	s.set(d)
	return d, !reflect.DeepEqual(d, before), nil
}

func fileBody(client chatconnect.ClientID, id, content string) object {
	return object{
		"client_id": client, "document_id": id, "file_type": "pdf", "name": "handbook.pdf",
		"file_data": base64.StdEncoding.EncodeToString([]byte(content)),
	}
}

func TestProcessDocument(t *testing.T) {
	t.Parallel()
	b := setup(t, stepping)
	_, client, _ := b.tenant("a@example.com")
	_, other, _ := b.tenant("b@example.com")
	trusted := b.browser().with("X-Internal-Secret", "internal secret")
	id := uuid.NewString()
	const content = "%PDF-1.7 whatever"

	r := trusted.post("/process-document", fileBody(client, id, content))
	require.Equal(t, 202, r.StatusCode, "%s", r.body)
	p := r.json(t)
	require.Equal(t, id, p["document_id"])
	require.Equal(t, string(client), p["client_id"])
	require.Equal(t, "queued", p["status"])
	require.Equal(t, "handbook.pdf", p["name"])
	revision := chatconnect.Revision{DocumentID: chatconnect.DocumentID(id), Version: 1}
	require.Equal(t, content, string(b.memory.blobs[chatconnect.SourceBlobKey(client, revision)]))
	require.Len(t, b.workflows.starts(), 1)
	started := b.workflows.starts()[0]
	require.Equal(t, temporal.IngestionWorkflowID(client, revision), started.options.ID)
	require.Equal(t, chatconnect.TypePDF, started.input.(*temporal.IngestInput).Type)
	require.Contains(t, b.memory.actions(), "document.upload")

	r = trusted.post("/process-document", fileBody(client, id, content))
	require.Equal(t, 200, r.StatusCode, "the same again: %s", r.body)
	require.Len(t, b.memory.documents[client], 1)
	trusted.post("/process-document", fileBody(client, id, content+"!")).problem(t, 409, "document_exists")
	require.Equal(t, content, string(b.memory.blobs[chatconnect.SourceBlobKey(client, revision)]))
	require.Equal(t, 202, trusted.post("/process-document", fileBody(other, id, content)).StatusCode, "another client's ids are its own")

	ended, err := documentStore{memory: b.memory}.Document(t.Context(), client, revision.DocumentID)
	require.NoError(t, err)
	ended.Status = chatconnect.StatusReady
	documentStore{memory: b.memory}.set(ended)
	starts := len(b.workflows.starts())
	require.Equal(t, "ready", trusted.post("/process-document", fileBody(client, id, content)).json(t)["status"])
	require.Len(t, b.workflows.starts(), starts, "what is ready is not ingested again")
}

func TestProcessDocumentCompletesWhatBrokeOff(t *testing.T) {
	t.Parallel()
	b := setup(t, stepping)
	_, client, _ := b.tenant("a@example.com")
	trusted := b.browser().with("X-Internal-Secret", "internal secret")
	body := fileBody(client, uuid.NewString(), "%PDF-1.7 whatever")
	b.memory.mu.Lock()
	b.memory.failPut = errors.New("disk full")
	b.memory.mu.Unlock()
	r := trusted.post("/process-document", body)
	r.problem(t, 503, "storage_unavailable")
	require.NotContains(t, string(r.body), "disk full")
	require.Equal(t, chatconnect.StatusUploading, b.memory.documents[client][0].Status, "nobody starts to read it")
	require.Empty(t, b.workflows.starts())

	b.memory.mu.Lock()
	b.memory.failPut = nil
	b.memory.mu.Unlock()
	r = trusted.post("/process-document", body)
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, "queued", r.json(t)["status"])
	require.Len(t, b.workflows.starts(), 1)
}

func TestProcessDocumentAfterTheUploadWasGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t, stepping)
	_, client, _ := b.tenant("a@example.com")
	trusted := b.browser().with("X-Internal-Secret", "internal secret")
	body := fileBody(client, uuid.NewString(), "%PDF-1.7 whatever")
	b.memory.mu.Lock()
	b.memory.failPut = errors.New("disk full")
	b.memory.mu.Unlock()
	trusted.post("/process-document", body).problem(t, 503, "storage_unavailable")
	d := b.memory.documents[client][0]
	d.Status, d.Error = chatconnect.StatusFailed, &chatconnect.DocumentError{Code: chatconnect.CodeUploadIncomplete, Message: "Gone."}
	documentStore{memory: b.memory}.set(d) // as a worker does

	b.memory.mu.Lock()
	b.memory.failPut = nil
	b.memory.mu.Unlock()
	r := trusted.post("/process-document", body)
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, "queued", r.json(t)["status"])
	require.Nil(t, r.json(t)["error"])
	require.Equal(t, "%PDF-1.7 whatever", string(b.memory.blobs[d.BlobKey]))
	require.Len(t, b.workflows.starts(), 1)

	d.Error = &chatconnect.DocumentError{Code: chatconnect.CodeCorrupt, Message: "Damaged."}
	d.Status = chatconnect.StatusFailed
	documentStore{memory: b.memory}.set(d)
	require.Equal(t, "failed", trusted.post("/process-document", body).json(t)["status"], "what can't be read is not read again")
}

func TestProcessDocumentAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, stepping)
	_, client, _ := b.tenant("a@example.com")
	trusted := b.browser().with("X-Internal-Secret", "internal secret")
	body := fileBody(client, uuid.NewString(), "%PDF-1.7 whatever")
	var all sync.WaitGroup
	statuses := make([]int, 12)
	for i := range statuses {
		all.Go(func() { statuses[i] = trusted.post("/process-document", body).StatusCode })
	}
	all.Wait()
	slices.Sort(statuses)
	require.Equal(t, append(slices.Repeat([]int{200}, 11), 202), statuses)
	require.Len(t, b.memory.documents[client], 1)
}

func TestProcessDocumentRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, stepping)
	_, client, key := b.tenant("a@example.com")
	trusted := b.browser().with("X-Internal-Secret", "internal secret")
	id := uuid.NewString()
	const pdf = "%PDF-1.7"
	for name, test := range map[string]struct {
		change object
		status int
		code   string
	}{
		"no client":      {object{"client_id": ""}, 400, "client_id_missing"},
		"unknown client": {object{"client_id": uuid.NewString()}, 404, "not_found"},
		"no uuid":        {object{"client_id": "x"}, 404, "not_found"},
		"document id":    {object{"document_id": "../x"}, 400, "document_id_invalid"},
		"upper case":     {object{"document_id": strings.ToUpper(id)}, 400, "document_id_invalid"},
		"not base64":     {object{"file_data": "a!"}, 400, "file_data_invalid"},
		"empty":          {object{"file_data": ""}, 400, "file_empty"},
		"type unknown":   {object{"file_type": "exe"}, 415, "file_type_unsupported"},
		"type missing":   {object{"file_type": ""}, 415, "file_type_unsupported"},
		"a program":      {object{"file_data": base64.StdEncoding.EncodeToString([]byte("MZ…"))}, 415, "file_type_unsupported"},
		"too large":      {object{"file_data": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{'x'}, testMaxFileSize+1))}, 413, "file_too_large"},
		"far too large":  {object{"file_data": strings.Repeat("x", 100<<10)}, 413, "body_too_large"},
	} {
		body := fileBody(client, id, pdf)
		for member, value := range test.change {
			body[member] = value
		}
		t.Run(name, func(t *testing.T) { trusted.post("/process-document", body).problem(t, test.status, test.code) })
	}
	for _, stranger := range []*browser{b.browser(), b.browser().with("X-Internal-Secret", "guess"), b.browser().with("X-Api-Key", key)} {
		stranger.post("/process-document", fileBody(client, id, pdf)).problem(t, 401, "internal_secret_wrong")
		stranger.post("/api/internal/document-progress", object{"client_id": client, "document_id": id}).problem(t, 401, "internal_secret_wrong")
	}
	b.nothingLeft()
}

func TestDeclaredTypes(t *testing.T) {
	t.Parallel()
	b := setup(t, stepping)
	_, client, _ := b.tenant("a@example.com")
	trusted := b.browser().with("X-Internal-Secret", "internal secret")
	for declared, want := range map[string]string{
		".CSV": "csv", "text/csv; charset=utf-8": "csv", "txt": "txt", "text/plain": "txt",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "txt", // the content says otherwise
	} {
		body := fileBody(client, uuid.NewString(), "a,b\n"+declared)
		body["file_type"], body["name"] = declared, ""
		r := trusted.post("/process-document", body)
		require.Equal(t, 202, r.StatusCode, "%s: %s", declared, r.body)
		require.Equal(t, "document."+want, r.json(t)["name"], declared)
	}
}

func TestDocumentProgress(t *testing.T) {
	t.Parallel()
	b := setup(t, stepping)
	_, client, _ := b.tenant("a@example.com")
	_, other, _ := b.tenant("b@example.com")
	trusted := b.browser().with("X-Internal-Secret", "internal secret")
	id := uuid.NewString()
	require.Equal(t, 202, trusted.post("/process-document", fileBody(client, id, "%PDF-1.7")).StatusCode)
	updates, err := b.feed.SubscribeDocuments(t.Context(), client)
	require.NoError(t, err)
	progress := func(change object) object {
		body := object{"client_id": client, "document_id": id}
		for member, value := range change {
			body[member] = value
		}
		r := trusted.post("/api/internal/document-progress", body)
		require.Equal(t, 200, r.StatusCode, "%s", r.body)
		return r.json(t)
	}
	require.Equal(t, "queued", progress(nil)["status"])
	require.Empty(t, updates, "asking publishes nothing")

	p := progress(object{"status": "parsing", "stage": "Recognising\u202e text\u0000 on page 3", "progress": 12})
	require.Equal(t, "parsing", p["status"])
	require.Equal(t, "Recognising text on page 3", p["stage"])
	require.EqualValues(t, 12, p["progress"])
	require.Equal(t, 12, (<-updates).Progress)

	p = progress(object{"status": "queued", "stage": "Back", "progress": 3})
	require.Equal(t, "parsing", p["status"], "nothing goes back")
	require.EqualValues(t, 12, p["progress"])
	require.Empty(t, updates)
	p = progress(object{"stage": "Page 4"})
	require.Equal(t, "Page 4", p["stage"], "a sentence alone")
	require.Equal(t, "Page 4", (<-updates).Stage)

	for name, test := range map[string]struct {
		change object
		code   string
	}{
		"ready":     {object{"status": "ready"}, "status_invalid"},
		"failed":    {object{"status": "failed"}, "status_invalid"},
		"nonsense":  {object{"status": "x"}, "status_invalid"},
		"empty":     {object{"status": ""}, "status_invalid"},
		"negative":  {object{"progress": -1}, "progress_invalid"},
		"100":       {object{"progress": 100}, "progress_invalid"},
		"no stage":  {object{"stage": " "}, "stage_invalid"},
		"long":      {object{"stage": strings.Repeat("é", 201)}, "stage_invalid"},
		"no client": {object{"client_id": ""}, "client_id_missing"},
		"no id":     {object{"document_id": "x"}, "document_id_invalid"},
	} {
		body := object{"client_id": client, "document_id": id}
		for member, value := range test.change {
			body[member] = value
		}
		t.Run(name, func(t *testing.T) {
			trusted.post("/api/internal/document-progress", body).problem(t, 400, test.code)
		})
	}
	trusted.post("/api/internal/document-progress", object{"client_id": other, "document_id": id}).problem(t, 404, "not_found")

	ready, err := documentStore{memory: b.memory}.Document(t.Context(), client, chatconnect.DocumentID(id))
	require.NoError(t, err)
	ready.Status, ready.Stage = chatconnect.StatusReady, "Ready"
	documentStore{memory: b.memory}.set(ready)
	require.Equal(t, "Ready", progress(object{"stage": "Again"})["stage"], "what has ended stays as it is")
	require.Empty(t, updates)

	off := setup(t, func(o *api.Options) { o.InternalAPISecret = "" })
	for _, path := range []string{"/process-document", "/api/internal/document-progress"} {
		status := off.browser().with("X-Internal-Secret", "").post(path, object{}).StatusCode
		require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, status)
	}
}
