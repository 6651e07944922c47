package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api/apitest"
	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
)

// patience bounds every wait. It is not a timing requirement: a healthy run
// needs a fraction of it, also under -race on two cores.
const patience = 2 * time.Minute

// person is somebody at a browser, logged in or not.
type person struct {
	t     testing.TB
	base  string
	http  *http.Client
	email string
}

const password = "correct horse battery"

func newPerson(t testing.TB, base string) *person {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &person{t: t, base: base, http: &http.Client{
		Jar:       jar,
		Transport: validating(t),
	}}
}

// response is an answer that has been read.
type response struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

func (r response) is(status int) response {
	r.t.Helper()
	require.Equal(r.t, status, r.status, "%s", r.body)
	return r
}

func (r response) into(target any) {
	r.t.Helper()
	require.NoError(r.t, json.Unmarshal(r.body, target), "%s", r.body)
}

// problem is the error's code, after checking that it is a well-formed one.
func (r response) problem() string {
	r.t.Helper()
	require.Equal(r.t, "application/problem+json", r.header.Get("Content-Type"), "%s", r.body)
	var problem struct {
		Title, Detail, Code, RequestID string
		Status                         int
	}
	r.into(&problem)
	require.Equal(r.t, r.status, problem.Status)
	require.NotEmpty(r.t, problem.Detail)
	require.NotEmpty(r.t, problem.RequestID)
	return problem.Code
}

func (p *person) try(method, path string, body any, header ...string) response {
	p.t.Helper()
	var content io.Reader
	switch body := body.(type) {
	case nil:
	case io.Reader:
		content = body
	case []byte:
		content = bytes.NewReader(body)
	default:
		encoded, err := json.Marshal(body)
		require.NoError(p.t, err)
		content = bytes.NewReader(encoded)
		header = append([]string{"Content-Type", "application/json"}, header...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, p.base+path, content)
	require.NoError(p.t, err)
	if token := sessionToken(path, body); token != "" {
		request.Header.Set("X-Session-Token", token)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	answer, err := p.http.Do(request)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	return response{p.t, answer.StatusCode, answer.Header, read}
}

// do asks again, for as long as patience lasts, if a machine too busy for it
// refused the request.
func (p *person) do(method, path string, body any, header ...string) response {
	p.t.Helper()
	_, readOnce := body.(io.Reader)
	for began := time.Now(); ; {
		answer := p.try(method, path, body, header...)
		if !answer.late(method, path, body) || readOnce || time.Since(began) > patience {
			return answer
		}
		p.t.Logf("%s %s: asked again after %s", method, path, answer.body)
	}
}

// late reports whether a machine too busy for it refused a request that may be
// sent again: because no session in time means that nothing was done, because it
// only reads or begins a conversation, or because it is about an answer and says
// which.
func (r response) late(method, path string, body any) bool {
	chat, _ := body.(map[string]any)
	again := bytes.Contains(r.body, []byte("sessions_unavailable")) || method == http.MethodGet || path == "/chat/sessions" ||
		chat["sessionId"] != nil && (chat["message"] == nil || chat["messageId"] != nil)
	return again && r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != ""
}

func (p *person) get(path string, header ...string) response {
	p.t.Helper()
	return p.do(http.MethodGet, path, nil, header...)
}

func (p *person) post(path string, body any, header ...string) response {
	p.t.Helper()
	return p.do(http.MethodPost, path, body, header...)
}

// register makes a new account and logs in to it.
func (p *person) register() *person {
	p.t.Helper()
	p.email = uuid.NewString() + "@example.com"
	p.post("/api/auth/register", map[string]string{
		"email": p.email, "password": password, "name": "Pat",
	}).is(http.StatusCreated)
	return p
}

func (p *person) logIn() {
	p.t.Helper()
	p.post("/api/auth/login", map[string]string{"email": p.email, "password": password}).is(http.StatusOK)
}

// tenant is a client with its owner.
type tenant struct {
	*person
	chatconnect.Client
}

func (p *person) newClient(tier chatconnect.Tier) *tenant {
	p.t.Helper()
	var client chatconnect.Client
	p.post("/api/dashboard/clients", map[string]string{"name": "Shop"}).is(http.StatusCreated).into(&client)
	if tier != client.Tier {
		p.do(http.MethodPatch, "/internal/client/"+string(client.ID), map[string]any{"tier": tier},
			"X-Internal-Secret", stacktest.InternalSecret(p.t)).is(http.StatusOK)
		p.get("/api/dashboard/clients/" + string(client.ID)).is(http.StatusOK).into(&client)
	}
	require.Equal(p.t, tier, client.Tier)
	return &tenant{p, client}
}

func newTenant(t testing.TB, base string, tier chatconnect.Tier) *tenant {
	t.Helper()
	return newPerson(t, base).register().newClient(tier)
}

// file is something to upload.
type file struct {
	name    string
	content []byte
}

// tryUpload posts files and returns whatever the server says.
func (c *tenant) tryUpload(files ...file) response {
	c.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(c.t, form.WriteField("clientId", string(c.ID)))
	for _, f := range files {
		part, err := form.CreateFormFile("file", f.name)
		require.NoError(c.t, err)
		_, err = part.Write(f.content)
		require.NoError(c.t, err)
	}
	require.NoError(c.t, form.Close())
	return c.do(http.MethodPost, "/api/dashboard/documents/upload", body.Bytes(), "Content-Type", form.FormDataContentType())
}

func (c *tenant) upload(files ...file) []chatconnect.Document {
	c.t.Helper()
	var accepted struct{ Documents []chatconnect.Document }
	c.tryUpload(files...).is(http.StatusAccepted).into(&accepted)
	require.Len(c.t, accepted.Documents, len(files))
	return accepted.Documents
}

// document fetches one document.
func (c *tenant) document(id chatconnect.DocumentID) chatconnect.Document {
	c.t.Helper()
	var document chatconnect.Document
	c.get("/api/dashboard/documents/" + string(id)).is(http.StatusOK).into(&document)
	return document
}

// watch follows the dashboard's WebSocket until done says so, and checks on
// the way that no document ever goes back.
func (c *tenant) watch(done func(map[chatconnect.DocumentID]chatconnect.Document) bool) map[chatconnect.DocumentID]chatconnect.Document {
	c.t.Helper()
	seen := map[chatconnect.DocumentID]chatconnect.Document{}
	defer func() {
		if c.t.Failed() {
			c.t.Logf("last seen: %+v", seen)
		}
	}()
	c.follow(func(message feedMessage) bool {
		c.t.Helper()
		if message.Document != nil {
			message.Documents = append(message.Documents, *message.Document)
		}
		for _, document := range message.Documents {
			require.Equal(c.t, c.ID, document.ClientID)
			before := seen[document.ID]
			if before.Version == document.Version && !document.Status.Final() {
				require.GreaterOrEqual(c.t, document.Progress, before.Progress)
				require.GreaterOrEqual(c.t, document.ChunksDone, before.ChunksDone)
			}
			seen[document.ID] = document
		}
		return done(seen)
	})
	return seen
}

// settle waits until the documents' ingestion has ended.
func (c *tenant) settle(documents ...chatconnect.Document) []chatconnect.Document {
	c.t.Helper()
	seen := c.watch(func(seen map[chatconnect.DocumentID]chatconnect.Document) bool {
		for _, document := range documents {
			if !seen[document.ID].Status.Final() {
				return false
			}
		}
		return true
	})
	settled := make([]chatconnect.Document, len(documents))
	for i, document := range documents {
		settled[i] = seen[document.ID]
	}
	return settled
}

// learn uploads files and waits until they are ready.
func (c *tenant) learn(files ...file) []chatconnect.Document {
	c.t.Helper()
	documents := c.settle(c.upload(files...)...)
	for _, document := range documents {
		require.Equal(c.t, chatconnect.StatusReady, document.Status, "%s: %+v", document.Name, document.Error)
		require.Equal(c.t, 100, document.Progress)
		require.Positive(c.t, document.ChunksTotal)
		require.Equal(c.t, document.ChunksTotal, document.ChunksDone)
	}
	return documents
}

// ask posts a question and waits for the whole answer.
func (c *tenant) ask(question string) chatconnect.Answer {
	c.t.Helper()
	var answer chatconnect.Answer
	c.post("/chat", c.chatBody(question), "x-api-key", c.PublishableKey).is(http.StatusOK).into(&answer)
	return answer
}

// askUntilCached asks until an answer uses the cached search, and returns how
// often it asked. A cache that is too slow is skipped.
func (c *tenant) askUntilCached(question string) (answer chatconnect.Answer, asked int) {
	c.t.Helper()
	for began := time.Now(); !answer.Cached; asked++ {
		require.Less(c.t, time.Since(began), patience, "no answer uses the cached search")
		answer = c.ask(question)
	}
	return answer, asked
}

// chatBody is a question in a conversation of its own. Whoever sends it, or
// asks about its session, sends the session's token along (sessionToken).
func (c *tenant) chatBody(question string) map[string]any {
	c.t.Helper()
	return map[string]any{"message": question, "sessionId": c.newSession(), "messageId": uuid.NewString()}
}

// newSession begins a conversation, as a widget does.
func (c *tenant) newSession() string {
	c.t.Helper()
	var session struct{ SessionID, SessionToken string }
	c.post("/chat/sessions", nil, "x-api-key", c.PublishableKey).is(http.StatusCreated).into(&session)
	sessionTokens.Store(session.SessionID, session.SessionToken)
	return session.SessionID
}

// secretKey makes a key for servers, which may name sessions as they like.
func (c *tenant) secretKey() string {
	c.t.Helper()
	var key chatconnect.APIKey
	c.post("/api/dashboard/clients/"+string(c.ID)+"/keys", map[string]any{"kind": "secret", "name": "server"}).is(http.StatusCreated).into(&key)
	return key.Token
}

// sessionTokens are what the visitors of all tests were given, by session id.
var sessionTokens sync.Map

var sessionInPath = regexp.MustCompile(`sessionId=([^&]+)|/chat/sessions/([^/]+)/`)

// sessionToken is the token of the session that a request names, "" for none.
func sessionToken(url string, body any) string {
	var session any
	if named := sessionInPath.FindStringSubmatch(url); named != nil {
		session = named[1] + named[2]
	} else if body, ok := body.(map[string]any); ok {
		session = body["sessionId"]
	}
	token, _ := sessionTokens.Load(session)
	found, _ := token.(string)
	return found
}

func show(v any) string { return fmt.Sprintf("%+v", v) }

// validating checks every exchange against openapi.yaml.
func validating(t testing.TB) http.RoundTripper {
	t.Helper()
	transport, err := apitest.New(http.DefaultTransport, func(err error) { t.Error(err) })
	require.NoError(t, err)
	return transport
}

func sourceNames(sources []chatconnect.Source) []string {
	names := make([]string, len(sources))
	for i, source := range sources {
		names[i] = source.Name
	}
	return names
}
