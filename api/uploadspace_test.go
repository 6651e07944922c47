package api_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
)

// beginUpload sends an upload but for its end: its first fields, and a file of
// which so many bytes come.
func (b *browser) beginUpload(path, fields string, sent int) net.Conn {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.http.URL+path, nil)
	require.NoError(b.t, err)
	cookie := b.client.Jar.Cookies(request.URL)[0].String()
	conn := dialTCP(b.t, b.http.URL)
	body := fields + "--x\r\nContent-Disposition: form-data; name=file; filename=a.txt\r\n\r\n" + strings.Repeat("x", sent)
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nCookie: %s\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n%s",
		path, cookie, len(body)+500, body)
	require.NoError(b.t, err)
	return conn
}

// staged counts the bytes in the staging directory, of unlinked files too.
func (b *bundle) stagedNow() (files int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		b.t.Skip("this system does not tell open files")
	}
	for _, entry := range entries {
		if name, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name())); err == nil && strings.HasPrefix(name, b.staging+"/") {
			files++
		}
	}
	return files
}

func clientField(client chatconnect.ClientID) string {
	return "--x\r\nContent-Disposition: form-data; name=clientId\r\n\r\n" + string(client) + "\r\n"
}

// TestNothingIsStagedForStrangers: who may not upload for the client, or
// doesn't name it before the files, is refused before a byte is on the disk.
func TestNothingIsStagedForStrangers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	stranger, theirs, _ := b.tenant("b@example.com")
	document := progress(client, 10)
	document.Status = chatconnect.StatusReady
	documentStore{memory: b.memory}.set(document)
	for name, test := range map[string]struct {
		who    *browser
		path   string
		fields string
		status int
		code   string
	}{
		"another's client in the query":    {stranger, uploadPath + "?clientId=" + string(client), "", 404, "not_found"},
		"another's client in the form":     {stranger, uploadPath, clientField(client), 404, "not_found"},
		"no client before the file":        {owner, uploadPath, "", 400, "client_id_missing"},
		"one's own, and then another's":    {stranger, uploadPath, clientField(theirs) + clientField(client), 400, "client_id_ambiguous"},
		"another's document":               {stranger, "/api/dashboard/documents/" + string(document.ID) + "/replace", "", 404, "not_found"},
		"another client than the document": {owner, "/api/dashboard/documents/" + string(document.ID) + "/replace", clientField(theirs), 400, "client_id_ambiguous"},
	} {
		conn := test.who.beginUpload(test.path, test.fields, 400)
		response, body := raw(t, conn, strings.Repeat("x", 500)) // and the rest, which is not needed
		require.Equal(t, test.status, response.StatusCode, name)
		require.Equal(t, test.code, body["code"], name)
		require.Zero(t, b.stagedNow(), name)
	}
}

// TestUploadsAtOnce: caps of a person and of the process, which refuse at once,
// say when to come back, and leave the others alone.
func TestUploadsAtOnce(t *testing.T) {
	t.Parallel()
	file := func(n int) part {
		return part{"file", uuid.NewString() + ".txt", strings.Repeat("x", n) + uuid.NewString()}
	}
	for name, test := range map[string]struct {
		limits api.UploadLimits
		other  bool // a second person, not the first again
		status int
		code   string
	}{
		"uploads of a person":      {api.UploadLimits{AtOncePerUser: 1}, false, 429, "too_many_uploads"},
		"uploads of the process":   {api.UploadLimits{AtOnce: 1}, true, 503, "uploads_busy"},
		"bytes of a person":        {api.UploadLimits{BytesPerUser: 1200}, false, 429, "upload_space_exceeded"},
		"bytes of the process":     {api.UploadLimits{Bytes: 1200}, true, 503, "upload_space_full"},
		"the free disk":            {api.UploadLimits{DiskReserve: 1 << 62}, true, 503, "upload_space_full"},
		"nothing, without a limit": {api.UploadLimits{}, false, 202, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *api.Options) { o.Uploads = test.limits })
			owner, client, _ := b.tenant("a@example.com")
			other, theirs, _ := b.tenant("b@example.com")
			holding := owner.beginUpload(uploadPath, clientField(client), 800)
			if test.limits.DiskReserve == 0 {
				require.Eventually(t, func() bool { return b.stagedNow() > 0 }, time.Minute, time.Millisecond)
			}
			who, where := owner, client
			if test.other {
				who, where = other, theirs
			}
			var r response
			require.Eventually(t, func() bool { // the first bytes may still be under way
				r = who.upload("?clientId="+string(where), file(900))
				return r.StatusCode == test.status
			}, time.Minute, time.Millisecond)
			if test.code == "" {
				return
			}
			r.problem(t, test.status, test.code)
			require.NotEmpty(t, r.Header.Get("Retry-After"))
			require.Contains(t, b.refused.list(), test.code)
			if test.status == http.StatusTooManyRequests {
				require.Equal(t, http.StatusAccepted, other.upload("?clientId="+string(theirs), file(100)).StatusCode, "another person's")
			}
			if test.limits.DiskReserve > 0 {
				return
			}
			require.NoError(t, holding.Close())
			require.Eventually(t, func() bool {
				return who.upload("?clientId="+string(where), file(900)).StatusCode == http.StatusAccepted
			}, time.Minute, time.Millisecond, "what a broken upload held is free again")
		})
	}
}

// TestFilesInJSONAtOnce: those that don't come make the others wait a short
// time only.
func TestFilesInJSONAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, stepping)
	b.server.Quick(func(timing *api.Timing) { timing.DocumentWait = 50 * time.Millisecond })
	_, client, _ := b.tenant("a@example.com")
	var holding []net.Conn
	for range 4 {
		conn := dialTCP(t, b.http.URL)
		_, err := io.WriteString(conn, "POST /process-document HTTP/1.1\r\nHost: x\r\nX-Internal-Secret: internal secret\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		require.NoError(t, err)
		holding = append(holding, conn)
	}
	trusted := b.browser().with("X-Internal-Secret", "internal secret")
	var r response
	require.Eventually(t, func() bool {
		r = trusted.post("/process-document", fileBody(client, uuid.NewString(), "%PDF-1.7"+uuid.NewString()))
		return r.StatusCode == http.StatusServiceUnavailable
	}, time.Minute, time.Millisecond)
	r.problem(t, 503, "uploads_busy")
	require.NotEmpty(t, r.Header.Get("Retry-After"))
	for _, conn := range holding {
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool {
		return trusted.post("/process-document", fileBody(client, uuid.NewString(), "%PDF-1.7"+uuid.NewString())).StatusCode == http.StatusAccepted
	}, time.Minute, time.Millisecond)
}
