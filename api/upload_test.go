package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/temporal"
)

// part is a field of a form, or a file if it has a name.
type part struct{ field, file, content string }

func form(t *testing.T, parts ...part) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, p := range parts {
		var out io.Writer
		var err error
		if p.file != "" {
			out, err = w.CreateFormFile(p.field, p.file)
		} else {
			out, err = w.CreateFormField(p.field)
		}
		require.NoError(t, err)
		_, err = io.WriteString(out, p.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), body
}

const uploadPath = "/api/dashboard/documents/upload"

func (b *browser) upload(query string, parts ...part) response {
	b.t.Helper()
	contentType, body := form(b.t, parts...)
	return b.with("Content-Type", contentType).do(b.t.Context(), http.MethodPost, uploadPath+query, body)
}

// nothingLeft checks that an upload left no trace.
func (b *bundle) nothingLeft() {
	b.t.Helper()
	staged, err := os.ReadDir(b.staging)
	require.NoError(b.t, err)
	require.Empty(b.t, staged)
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	require.Empty(b.t, b.memory.blobs)
	for _, documents := range b.memory.documents {
		require.Empty(b.t, documents)
	}
	require.Empty(b.t, b.workflows.starts())
}

func TestUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	const content = "%PDF-1.7 whatever"
	for name, upload := range map[string]func(content string) response{
		"client first": func(content string) response {
			return owner.upload("", part{"clientId", "", string(client)}, part{"file", "a.pdf", content})
		},
		"client after another field": func(content string) response {
			return owner.upload("", part{"note", "", "ignored"}, part{"clientId", "", string(client)}, part{"file", "a.pdf", content})
		},
		"client in query": func(content string) response {
			return owner.upload("?clientId="+string(client), part{"document", `C:\fakepath\a.pdf`, content})
		},
	} {
		content := content + name
		r := upload(content)
		require.Equal(t, 202, r.StatusCode, "%s: %s", name, r.body)
		documents := r.json(t)["documents"].([]any)
		require.Len(t, documents, 1)
		d := documents[0].(object)
		require.Equal(t, "a.pdf", d["name"])
		require.Equal(t, "pdf", d["type"])
		require.Equal(t, "queued", d["status"])
		require.EqualValues(t, len(content), d["size"])
		require.EqualValues(t, 1, d["version"])
		require.Nil(t, d["error"])

		id := chatconnect.DocumentID(d["id"].(string))
		stored, err := documentStore{memory: b.memory}.Document(t.Context(), client, id)
		require.NoError(t, err)
		sum := sha256.Sum256([]byte(content))
		require.Equal(t, hex.EncodeToString(sum[:]), stored.SHA256)
		revision := chatconnect.Revision{DocumentID: id, Version: 1}
		require.Equal(t, chatconnect.SourceBlobKey(client, revision), stored.BlobKey)
		require.Equal(t, content, string(b.memory.blobs[stored.BlobKey]))

		started := b.workflows.starts()
		last := started[len(started)-1]
		require.Equal(t, temporal.WorkflowIngestDocument, last.name)
		require.Equal(t, temporal.QueueIngestion, last.options.TaskQueue)
		require.Equal(t, temporal.IngestionWorkflowID(client, revision), last.options.ID)
		require.Equal(t, stored.WorkflowID, last.options.ID)
		require.Equal(t, enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, last.options.WorkflowIDConflictPolicy)
		require.Equal(t, string(client), last.options.Priority.FairnessKey)
		require.Equal(t, &temporal.IngestInput{ClientID: client, DocumentID: id, Version: 1, Type: "pdf", Name: "a.pdf"}, last.input)
	}
	staged, err := os.ReadDir(b.staging)
	require.NoError(t, err)
	require.Empty(t, staged)
	require.Contains(t, b.memory.actions(), "document.upload")
}

func TestUploadOfSeveral(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	r := owner.upload("",
		part{"clientId", "", string(client)},
		part{"file", "big.txt", strings.Repeat("x", testMaxFileSize+1)},
		part{"file", "prices.csv", "a,b\n1,2\n"},
		part{"file", "empty.txt", ""},
		part{"file", "fits.txt", strings.Repeat("x", testMaxFileSize)},
		part{"file", "forged.pdf", "MZ\x90\x00"},
	)
	require.Equal(t, 202, r.StatusCode, "%s", r.body)
	body := r.json(t)
	var accepted, refused []string
	for _, d := range body["documents"].([]any) {
		accepted = append(accepted, d.(object)["name"].(string)+" "+d.(object)["type"].(string))
	}
	for _, e := range body["errors"].([]any) {
		refused = append(refused, e.(object)["name"].(string)+" "+e.(object)["code"].(string))
	}
	require.Equal(t, []string{"prices.csv csv", "fits.txt txt"}, accepted)
	require.Equal(t, []string{"big.txt file_too_large", "empty.txt file_empty", "forged.pdf file_type_unsupported"}, refused)
	require.Len(t, b.memory.blobs, 2)
	require.Len(t, b.workflows.starts(), 2)
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		code   string
		files  int // in the list of errors
		parts  func(client string) []part
	}{
		"too large": {413, "file_too_large", 1, func(c string) []part {
			return []part{{"clientId", "", c}, {"file", "a.txt", strings.Repeat("x", 5*testMaxFileSize)}}
		}},
		"empty":  {400, "file_empty", 1, func(c string) []part { return []part{{"clientId", "", c}, {"file", "a.pdf", ""}} }},
		"forged": {415, "file_type_unsupported", 1, func(c string) []part { return []part{{"clientId", "", c}, {"file", "a.pdf", "MZ"}} }},
		"all of several": {400, "file_empty", 2, func(c string) []part {
			return []part{{"clientId", "", c}, {"file", "a.pdf", ""}, {"file", "b.pdf", "MZ"}}
		}},
		"no file": {400, "file_missing", 0, func(c string) []part { return []part{{"clientId", "", c}} }},
		"client last": {400, "client_id_missing", 0, func(c string) []part {
			return []part{{"file", "a.pdf", "%PDF-"}, {"clientId", "", c}}
		}},
		"no client":      {400, "client_id_missing", 0, func(string) []part { return []part{{"file", "a.pdf", "%PDF-"}} }},
		"unknown client": {404, "not_found", 0, func(string) []part { return []part{{"clientId", "", "shop"}, {"file", "a.pdf", "%PDF-"}} }},
		"two clients":    {400, "client_id_ambiguous", 0, func(c string) []part { return []part{{"clientId", "", c}, {"clientId", "", "f" + c[1:]}} }},
		"too many":       {413, "too_many_files", 0, func(c string) []part { return append([]part{{"clientId", "", c}}, many(51)...) }},
		"whole too large": {413, "file_too_large", 0, func(c string) []part {
			return []part{{"clientId", "", c}, {"file", "a.txt", strings.Repeat("x", 50*testMaxFileSize+2<<20)}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			owner, client, _ := b.tenant("a@example.com")
			r := owner.upload("", test.parts(string(client))...)
			p := r.problem(t, test.status, test.code)
			files, _ := p["errors"].([]any)
			require.Len(t, files, test.files)
			b.nothingLeft()
		})
	}
	t.Run("not a form", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		owner, client, _ := b.tenant("a@example.com")
		owner.post(uploadPath+"?clientId="+string(client), `{}`).problem(t, 415, "content_type_unsupported")
		cut := owner.with("Content-Type", "multipart/form-data; boundary=x")
		cut.post(uploadPath+"?clientId="+string(client), "--x\r\nContent-Disposition: form-data; name=file; filename=a.pdf\r\n\r\n%PDF-").problem(t, 400, "upload_incomplete")
		b.nothingLeft()
	})
}

func many(n int) []part {
	parts := make([]part, n)
	for i := range parts {
		parts[i] = part{"file", fmt.Sprintf("%d.txt", i), "x"}
	}
	return parts
}

// TestUploadOutages: whatever fails, the answer says so and nothing stays.
func TestUploadOutages(t *testing.T) {
	t.Parallel()
	boom := errors.New("disk of 10.0.0.9 is full")
	for name, test := range map[string]struct {
		status int
		code   string
		fail   func(m *memory)
	}{
		"storage":               {503, "storage_unavailable", func(m *memory) { m.failPut = boom }},
		"storage, half-way":     {503, "storage_unavailable", func(m *memory) { m.failPut, m.partialPut = boom, true }},
		"database":              {500, "internal", func(m *memory) { m.failCreateDocument = boom }},
		"database, answer lost": {500, "internal", func(m *memory) { m.failCreateDocument, m.rowSurvives = boom, true }},
		"database, known outage": {503, "database_unavailable", func(m *memory) {
			m.failCreateDocument = chatconnect.Errorf(chatconnect.KindUnavailable, "database_unavailable", "Try again.")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			owner, client, _ := b.tenant("a@example.com")
			b.memory.mu.Lock()
			test.fail(b.memory)
			b.memory.mu.Unlock()
			r := owner.upload("?clientId="+string(client), part{"file", "a.pdf", "%PDF-1"})
			r.problem(t, test.status, test.code)
			require.NotContains(t, string(r.body), "10.0.0.9")
			b.nothingLeft()
		})
	}
	t.Run("temporal", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		owner, client, _ := b.tenant("a@example.com")
		b.workflows.down = errors.New("connection refused")
		r := owner.upload("?clientId="+string(client), part{"file", "a.pdf", "%PDF-1"})
		require.Equal(t, 202, r.StatusCode, "the file is safe: %s", r.body)
		require.Equal(t, "queued", r.json(t)["documents"].([]any)[0].(object)["status"])
		require.Len(t, b.memory.blobs, 1)
	})
	t.Run("staging", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		owner, client, _ := b.tenant("a@example.com")
		require.NoError(t, os.Remove(b.staging))
		owner.upload("?clientId="+string(client), part{"file", "a.pdf", "%PDF-1"}).problem(t, 500, "internal")
		require.NoError(t, os.Mkdir(b.staging, 0o700))
		b.nothingLeft()
	})
}

// sendHalf sends the head of an upload and part of its body over a bare
// connection.
func sendHalf(t *testing.T, b *bundle, owner *browser, client chatconnect.ClientID) net.Conn {
	t.Helper()
	contentType, body := form(t, part{"clientId", "", string(client)}, part{"file", "a.pdf", "%PDF-" + strings.Repeat("x", 900)})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.http.URL+uploadPath, nil)
	require.NoError(t, err)
	cookie := owner.client.Jar.Cookies(request.URL)[0].String()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.http.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nCookie: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		uploadPath, cookie, contentType, body.Len(), body.Bytes()[:body.Len()/2])
	require.NoError(t, err)
	return conn
}

func TestUploadBrokenOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	conn := sendHalf(t, b, owner, client)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return strings.Contains(b.log.String(), "upload_incomplete") }, time.Minute, time.Millisecond, "the upload is not incomplete; log:\n%s", b.log)
	b.nothingLeft()
}

func TestUploadStalled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.server.Quick(func(timing *api.Timing) { timing.UploadStall = 50 * time.Millisecond })
	owner, client, _ := b.tenant("a@example.com")
	conn := sendHalf(t, b, owner, client)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	answer := make([]byte, 12)
	_, err := io.ReadFull(conn, answer)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 408", string(answer))
	b.nothingLeft()
}

// TestUploadOutlivesSender: once everything has arrived, leaving changes
// nothing.
func TestUploadOutlivesSender(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	b := setup(t, func(o *api.Options) {
		o.DetectType = func(io.ReaderAt, int64, string) (chatconnect.FileType, error) {
			leave()
			return chatconnect.TypeTXT, nil
		}
	})
	owner, client, _ := b.tenant("a@example.com")
	contentType, body := form(t, part{"clientId", "", string(client)}, part{"file", "a.txt", "text"})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.http.URL+uploadPath, body)
	require.NoError(t, err)
	request.Header.Set("Content-Type", contentType)
	// Not held to openapi.yaml: an answer that comes all the same breaks off.
	response, err := (&http.Client{Jar: owner.client.Jar}).Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	require.Eventually(t, func() bool { return len(b.workflows.starts()) == 1 }, time.Minute, time.Millisecond, "no workflow was started; log:\n%s", b.log)
	require.Len(t, b.memory.blobs, 1)
}

// TestAFullClientIsRefused with a code of its own, by each way to bring a file,
// and nothing is left of the file.
func TestAFullClientIsRefused(t *testing.T) {
	t.Parallel()
	for code, full := range map[string]error{"documents_limit": chatconnect.ErrDocumentsLimit, "storage_limit": chatconnect.ErrStorageLimit} {
		b := setup(t, stepping)
		owner, client, _ := b.tenant("a@example.com")
		b.memory.failCreateDocument = full
		problem := owner.upload("?clientId="+string(client), part{"file", "a.txt", "Tea."}).problem(t, 409, code)
		require.Len(t, problem["errors"], 1)
		b.nothingLeft()
		b.browser().with("X-Internal-Secret", "internal secret").
			post("/process-document", fileBody(client, uuid.NewString(), "%PDF-1.7 whatever")).problem(t, 409, code)
		b.nothingLeft()
	}
}
