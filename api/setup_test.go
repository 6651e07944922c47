package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/api/apitest"
)

// bundle is one server with everything around it in memory.
type bundle struct {
	t         *testing.T
	server    *api.Server
	http      *httptest.Server
	memory    *memory
	limiter   *counter
	places    *places
	stops     *stops
	chats     *conversations
	relay     *relay
	feed      *feed
	workflows *workflows
	embedder  embedder
	staging   string
	refused   *refusals
	log       *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type refusals struct {
	api.NoMetrics
	mu    sync.Mutex
	codes []string

	embedded int // tokens
}

func (r *refusals) Embedded(spent chatconnect.Completion) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.embedded += spent.Usage.InputTokens
}

func (r *refusals) ChatRefused(_ chatconnect.ClientID, _ chatconnect.Tier, code string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.codes = append(r.codes, code)
}

func (r *refusals) UploadRefused(code string) { r.ConnectionRefused(code) }

func (r *refusals) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.codes)
}

func (r *refusals) ConnectionRefused(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.codes = append(r.codes, reason)
}

const testMaxFileSize = 1000

func setup(t *testing.T, changes ...func(*api.Options)) *bundle {
	t.Helper()
	b := &bundle{
		t: t, memory: newMemory(), limiter: &counter{}, places: &places{}, stops: &stops{}, chats: &conversations{}, relay: newRelay(), feed: newFeed(), workflows: newWorkflows(),
		staging: t.TempDir(), refused: &refusals{}, log: &logBuffer{},
	}
	options := api.Options{
		Users: b.memory, Accounts: b.memory, Registration: chatconnect.RegistrationOpen, Clients: b.memory, Budgets: b.memory, Allowance: b.memory.allowance, Documents: documentStore{memory: b.memory}, Blobs: blobStore{b.memory},
		Sessions: sessionStore{b.memory}, Limiter: b.limiter, Places: b.places, Stops: b.stops, Conversations: b.chats, Relay: b.relay, Progress: b.feed, Temporal: b.workflows,
		DetectType: detect, Embedder: &b.embedder, Metrics: b.refused, StagingDir: b.staging, MaxFileSize: testMaxFileSize,
		SessionSecret: []byte("a secret of at least 32 bytes, for tests"), InternalAPISecret: "internal secret", Version: "test", Notice: "Answers are extracts.",
		ModelChoice: func(chatconnect.Tier, string) chatconnect.ModelChoice {
			temperature := 0.7
			return chatconnect.ModelChoice{Provider: "openai", Model: "gpt-4o-mini", Temperature: &temperature}
		},
		Logger: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Pages: fstest.MapFS{
			"index.html":        {Data: []byte("<!doctype html><title>ChatConnect</title>")},
			"assets/app-1f.js":  {Data: []byte("export {}")},
			"help/index.html":   {Data: []byte("<!doctype html><title>Help</title>")},
			"assets/app-2f.css": {Data: []byte("a{}")},
		},
	}
	for _, change := range changes {
		change(&options)
	}
	server, err := api.New(options)
	require.NoError(t, err)
	server.Quick(nil)
	b.server = server
	b.http = httptest.NewServer(server.Handler())
	t.Cleanup(b.http.Close)
	t.Cleanup(server.Drain) // before Close, which waits for streams
	return b
}

// detect knows two types by their first bytes.
func detect(r io.ReaderAt, _ int64, name string) (chatconnect.FileType, error) {
	head := make([]byte, 5)
	n, _ := r.ReadAt(head, 0)
	switch {
	case bytes.HasPrefix(head[:n], []byte("%PDF-")):
		return chatconnect.TypePDF, nil
	case bytes.HasPrefix(head[:n], []byte("MZ")):
		return "", chatconnect.Errorf(chatconnect.KindUnsupported, chatconnect.CodeFileTypeUnsupported, "This is a program.")
	case strings.HasSuffix(name, ".csv"):
		return chatconnect.TypeCSV, nil
	}
	return chatconnect.TypeTXT, nil
}

// browser is somebody with a cookie jar, whose every call is held to
// openapi.yaml.
type browser struct {
	*bundle
	client *http.Client
	header http.Header
}

func (b *bundle) browser() *browser {
	b.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(b.t, err)
	transport, err := apitest.New(nil, func(err error) { b.t.Errorf("openapi.yaml: %v", err) })
	require.NoError(b.t, err)
	return &browser{bundle: b, client: &http.Client{Jar: jar, Transport: transport}, header: http.Header{}}
}

// with returns a browser that sends a header too.
func (b *browser) with(name, value string) *browser {
	c := *b
	c.header = b.header.Clone()
	c.header.Set(name, value)
	return &c
}

type response struct {
	*http.Response
	body []byte
}

func (r response) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal(r.body, &v), "%s", r.body)
	return v
}

func (b *browser) do(ctx context.Context, method, path string, body any) response {
	b.t.Helper()
	var reader io.Reader
	switch v := body.(type) {
	case nil:
	case io.Reader:
		reader = v
	case string:
		reader = strings.NewReader(v)
	default:
		encoded, err := json.Marshal(v)
		require.NoError(b.t, err)
		reader = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, b.http.URL+path, reader)
	require.NoError(b.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range b.header {
		r.Header[name] = values
	}
	res, err := b.client.Do(r)
	require.NoError(b.t, err)
	return b.read(res)
}

func (b *bundle) read(res *http.Response) response {
	b.t.Helper()
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	return response{res, content}
}

// send is for requests that a browser's cookies and openapi.yaml have no part in.
func (b *bundle) send(r *http.Request) response {
	b.t.Helper()
	res, err := http.DefaultClient.Do(r)
	require.NoError(b.t, err)
	return b.read(res)
}

func (b *browser) get(path string) response { return b.do(b.t.Context(), "GET", path, nil) }
func (b *browser) post(path string, body any) response {
	return b.do(b.t.Context(), "POST", path, body)
}

// visitor is a browser with a publishable key and the token of session "s1".
func (b *bundle) visitor(client chatconnect.ClientID, key string) *browser {
	return b.browser().with("X-Api-Key", key).with("X-Session-Token", b.server.SessionToken(client, "s1"))
}

// problem checks that a response is a problem of that status and code.
func (r response) problem(t *testing.T, status int, code string) map[string]any {
	t.Helper()
	require.Equal(t, status, r.StatusCode, "%s", r.body)
	require.Equal(t, "application/problem+json", r.Header.Get("Content-Type"))
	p := r.json(t)
	require.Equal(t, code, p["code"], "%s", r.body)
	require.EqualValues(t, status, p["status"])
	require.Equal(t, r.Header.Get("X-Request-Id"), p["requestId"])
	return p
}

type object = map[string]any

// register returns a logged-in browser.
func (b *bundle) register(email string) (*browser, chatconnect.UserID) {
	b.t.Helper()
	who := b.browser()
	r := who.post("/api/auth/register", object{"email": email, "password": "correct horse", "name": "Somebody"})
	require.Equal(b.t, 201, r.StatusCode, "%s", r.body)
	return who, chatconnect.UserID(r.json(b.t)["user"].(object)["id"].(string))
}

// tenant returns the browser of a client's owner, the client and its key.
func (b *bundle) tenant(email string) (*browser, chatconnect.ClientID, string) {
	b.t.Helper()
	owner, _ := b.register(email)
	r := owner.post("/api/dashboard/clients", object{"name": "Shop of " + email})
	require.Equal(b.t, 201, r.StatusCode, "%s", r.body)
	c := r.json(b.t)
	return owner, chatconnect.ClientID(c["id"].(string)), c["publishableKey"].(string)
}
