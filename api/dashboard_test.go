package api_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
)

func cookieOf(t *testing.T, r response) *http.Cookie {
	t.Helper()
	return cookieNamed(t, r, api.SessionCookie)
}

func cookieNamed(t *testing.T, r response, name string) *http.Cookie {
	t.Helper()
	for _, c := range r.Cookies() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no cookie %s", name)
	return nil
}

func TestAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.browser()
	who.get("/api/auth/me").problem(t, 401, "unauthenticated")

	r := who.post("/api/auth/register", object{"email": " Ada@Example.COM ", "password": "correct horse", "name": "  Ada\n Lovelace "})
	require.Equal(t, 201, r.StatusCode, "%s", r.body)
	user := r.json(t)["user"].(object)
	require.Equal(t, "ada@example.com", user["email"])
	require.Equal(t, "Ada Lovelace", user["name"])
	first := cookieOf(t, r)
	require.True(t, first.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, first.SameSite)
	require.Equal(t, "/", first.Path)
	require.False(t, first.Secure)
	require.Positive(t, first.MaxAge)

	r = who.get("/api/auth/me")
	require.Equal(t, 200, r.StatusCode)
	require.Equal(t, object{"user": user, "notice": "Answers are extracts."}, r.json(t))

	b.browser().post("/api/auth/register", object{"email": "ada@example.com", "password": "another one", "name": "Eve"}).problem(t, 409, "email_taken")

	r = who.post("/api/auth/login", object{"email": "ADA@example.com", "password": "correct horse"})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, object{"user": user}, r.json(t))
	second := cookieOf(t, r)
	require.NotEqual(t, first.Value, second.Value)
	planted := b.browser().with("Cookie", api.SessionCookie+"="+first.Value)
	planted.get("/api/auth/me").problem(t, 401, "unauthenticated")

	r = who.post("/api/auth/logout", nil)
	require.Equal(t, 204, r.StatusCode)
	require.Negative(t, cookieOf(t, r).MaxAge)
	who.get("/api/auth/me").problem(t, 401, "unauthenticated")
	stolen := b.browser().with("Cookie", api.SessionCookie+"="+second.Value)
	stolen.get("/api/auth/me").problem(t, 401, "unauthenticated")
}

func TestRegistrationIsValidated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := object{"email": "a@example.com", "password": "correct horse", "name": "A"}
	for name, test := range map[string]struct {
		field, value, code string
	}{
		"no at":              {"email", "example.com", "email_invalid"},
		"no domain":          {"email", "a@", "email_invalid"},
		"display name":       {"email", "A <a@example.com>", "email_invalid"},
		"two addresses":      {"email", "a@example.com, b@example.com", "email_invalid"},
		"line break":         {"email", "a@example.com\r\nBcc: x@example.com", "email_invalid"},
		"bare host":          {"email", "a@intranet", "email_invalid"},
		"too long":           {"email", strings.Repeat("a", 250) + "@b.example", "email_invalid"},
		"short password":     {"password", "1234567", "password_invalid"},
		"short in runes":     {"password", "ééé", "password_invalid"},
		"long password":      {"password", strings.Repeat("x", 201), "password_invalid"},
		"common password":    {"password", "Password123", "password_common"},
		"personal password":  {"password", "chatconnect", "password_personal"},
		"empty name":         {"name", " ", "name_invalid"},
		"invisible name":     {"name", "\u200b\u202e", "name_invalid"},
		"name too long":      {"name", strings.Repeat("x", 81), "name_invalid"},
		"nothing in it":      {"email", "", "email_invalid"},
		"nothing in name":    {"name", "", "name_invalid"},
		"nothing as a word":  {"password", "", "password_invalid"},
		"domain of nonsense": {"email", "a@exa mple.com", "email_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := object{}
			for k, v := range good {
				body[k] = v
			}
			body[test.field] = test.value
			b.browser().post("/api/auth/register", body).problem(t, 400, test.code)
		})
	}
	t.Run("international", func(t *testing.T) {
		t.Parallel()
		r := b.browser().post("/api/auth/register", object{"email": "i@BÜCHER.example", "password": "пароль-123", "name": "И"})
		require.Equal(t, 201, r.StatusCode, "%s", r.body)
		require.Equal(t, "i@xn--bcher-kva.example", r.json(t)["user"].(object)["email"])
	})
}

func TestBodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who := b.browser()
	who.post("/api/auth/login", `{"email":`).problem(t, 400, "body_invalid")
	who.post("/api/auth/login", `{} {}`).problem(t, 400, "body_invalid")
	who.post("/api/auth/login", `[]`).problem(t, 400, "body_invalid")
	who.post("/api/auth/login", `{"email": 5}`).problem(t, 400, "body_invalid")
	who.post("/api/auth/login", "{\"email\": \"\xff\"}").problem(t, 400, "body_invalid")
	who.with("Content-Type", "text/plain").post("/api/auth/login", `{}`).problem(t, 415, "content_type_unsupported")
	who.post("/api/auth/login", `{"email":"`+strings.Repeat("x", 70_000)+`"}`).problem(t, 413, "body_too_large")
}

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register("a@example.com")
	who := b.browser()
	unknown := who.post("/api/auth/login", object{"email": "b@example.com", "password": "correct horse"}).problem(t, 401, "login_wrong")
	wrong := who.post("/api/auth/login", object{"email": "a@example.com", "password": "wrong horse"}).problem(t, 401, "login_wrong")
	require.Equal(t, unknown["detail"], wrong["detail"], "an answer must not tell which accounts exist")

	for range 9 {
		who.post("/api/auth/login", object{"email": "a@example.com", "password": "wrong"}).problem(t, 401, "login_wrong")
	}
	r := who.post("/api/auth/login", object{"email": "A@example.com", "password": "correct horse"})
	r.problem(t, 429, "rate_limited")
	require.Equal(t, "1", r.Header.Get("Retry-After"))
	require.Equal(t, "10", r.Header.Get("RateLimit-Limit"))
	require.Equal(t, "0", r.Header.Get("RateLimit-Remaining"))
	require.Equal(t, 401, who.post("/api/auth/login", object{"email": "c@example.com", "password": "x"}).StatusCode, "other accounts are not affected")
}

func TestSessionsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	who, _ := b.register("a@example.com")
	b.memory.mu.Lock()
	b.memory.failSessions = errors.New("dial tcp 10.0.0.5:6379: connection refused")
	b.memory.mu.Unlock()
	r := who.get("/api/auth/me")
	r.problem(t, 503, "sessions_unavailable")
	require.NotEmpty(t, r.Header.Get("Retry-After"))
	require.NotContains(t, string(r.body), "10.0.0.5", "internals stay inside")
	require.Contains(t, b.log.String(), "10.0.0.5", "but in the log")
}

// Whoever registered, but was given no session, repeats it as he is told to.
func TestRegistrationIsRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	failing := func(err error) {
		b.memory.mu.Lock()
		defer b.memory.mu.Unlock()
		b.memory.failSessions = err
	}
	who, ada := b.browser(), object{"email": "ada@example.com", "password": "correct horse", "name": "Ada"}
	failing(errors.New("connection refused"))
	who.post("/api/auth/register", ada).problem(t, 503, "sessions_unavailable")
	failing(nil)
	r := who.post("/api/auth/register", ada)
	require.Equal(t, 201, r.StatusCode, "%s", r.body)
	require.Equal(t, 200, who.get("/api/auth/me").StatusCode)

	again := b.browser().post("/api/auth/register", ada)
	require.Equal(t, r.json(t), again.json(t), "one account")
	guess := object{"email": "ada@example.com", "password": "guess it is", "name": "Eve"}
	for range 7 { // of ten attempts a minute
		b.browser().post("/api/auth/register", guess).problem(t, 409, "email_taken")
	}
	require.Eventually(t, func() bool { // some may be given back meanwhile
		return b.browser().post("/api/auth/register", guess).StatusCode == http.StatusTooManyRequests
	}, time.Minute, time.Millisecond, "guessing here is guessing a password")
}

func TestCrossOriginIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, _, _ := b.tenant("a@example.com")
	owner.with("Sec-Fetch-Site", "cross-site").post("/api/dashboard/clients", object{"name": "X"}).problem(t, 403, "cross_origin")
	owner.with("Origin", "https://evil.example").post("/api/auth/logout", nil).problem(t, 403, "cross_origin")
	require.Equal(t, 201, owner.with("Origin", b.http.URL).post("/api/dashboard/clients", object{"name": "X"}).StatusCode)
}

func TestClients(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, _ := b.register("a@example.com")
	r := owner.get("/api/dashboard/clients")
	require.JSONEq(t, `{"clients":[],"models":[],"paidModels":[],"quotas":{"clients":{"used":0,"limit":100}}}`, string(r.body))

	r = owner.post("/api/dashboard/clients", object{"name": " My  Shop "})
	require.Equal(t, 201, r.StatusCode, "%s", r.body)
	c := r.json(t)
	require.Equal(t, "My Shop", c["name"])
	require.Equal(t, "free", c["tier"])
	require.Equal(t, "owner", c["role"])
	require.Regexp(t, `^pk_live_[0-9A-Za-z]{32}$`, c["publishableKey"])
	path := "/api/dashboard/clients/" + c["id"].(string)
	require.Equal(t, path, r.Header.Get("Location"))

	r = owner.do(t.Context(), "PATCH", path, object{"name": "Store", "color": "ignored"})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, "Store", r.json(t)["name"])
	require.Equal(t, "Store", owner.get(path).json(t)["name"])
	owner.do(t.Context(), "PATCH", path, object{"name": ""}).problem(t, 400, "name_invalid")
	owner.post("/api/dashboard/clients", object{"name": strings.Repeat("x", 81)}).problem(t, 400, "name_invalid")
	require.Equal(t, []string{"client.create", "client.update"}, b.memory.actions())
	owner.do(t.Context(), "PUT", path, nil).problem(t, 405, "method_not_allowed")
}

// TestForeignIDs asks for everything of a client as somebody else, and as a
// viewer.
func TestForeignIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, client, _ := b.tenant("a@example.com")
	stranger, strangerID := b.register("b@example.com")
	viewer, viewerID := b.register("c@example.com")
	b.memory.setRole(client, viewerID, chatconnect.RoleViewer)
	document := chatconnect.Document{ID: "0199aaaa-0000-7000-8000-000000000001", ClientID: client, Name: "a.txt", Size: 1, Type: "txt", Status: "ready", Version: 1}
	documentStore{memory: b.memory}.set(document)
	key := b.memory.keyList[client][0].ID
	id := string(client)
	for _, call := range []struct {
		method, path string
		body         any
		read         bool
	}{
		{"GET", "/api/dashboard/clients/" + id, nil, true},
		{"PATCH", "/api/dashboard/clients/" + id, object{"name": "Mine"}, false},
		{"GET", "/api/dashboard/clients/" + id + "/keys", nil, true},
		{"POST", "/api/dashboard/clients/" + id + "/keys", object{"kind": "secret"}, false},
		{"DELETE", "/api/dashboard/clients/" + id + "/keys/" + string(key), nil, false},
		{"GET", "/api/dashboard/widget/" + id, nil, true},
		{"PUT", "/api/dashboard/widget/" + id, object{}, false},
		{"GET", "/api/dashboard/documents?clientId=" + id, nil, true},
		{"GET", "/api/dashboard/documents/" + string(document.ID), nil, true},
		{"GET", "/api/dashboard/documents/" + string(document.ID) + "?clientId=" + id, nil, true},
		{"POST", "/api/dashboard/documents/upload?clientId=" + id, nil, false},
	} {
		name := call.method + " " + call.path
		r := stranger.do(t.Context(), call.method, call.path, call.body)
		require.Equal(t, 404, r.StatusCode, "%s as a stranger: %s", name, r.body)
		r = b.browser().do(t.Context(), call.method, call.path, call.body)
		require.Equal(t, 401, r.StatusCode, "%s as nobody: %s", name, r.body)
		r = viewer.do(t.Context(), call.method, call.path, call.body)
		if call.read {
			require.Equal(t, 200, r.StatusCode, "%s as a viewer: %s", name, r.body)
		} else {
			require.Equal(t, 403, r.StatusCode, "%s as a viewer: %s", name, r.body)
		}
		malformed := strings.Replace(call.path, id, "not-a-uuid", 1)
		if malformed != call.path {
			require.Equal(t, 404, stranger.do(t.Context(), call.method, malformed, call.body).StatusCode, "%s", malformed)
		}
	}
	require.Empty(t, b.memory.roles[client][strangerID])
	require.Len(t, b.memory.keyList[client], 1)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, first := b.tenant("a@example.com")
	path := "/api/dashboard/clients/" + string(client) + "/keys"
	r := owner.post(path, object{"kind": "secret", "name": "Server"})
	require.Equal(t, 201, r.StatusCode, "%s", r.body)
	secret := r.json(t)
	token := secret["token"].(string)
	require.Regexp(t, `^sk_live_[0-9A-Za-z]{32}$`, token)
	require.Equal(t, token[:12], secret["prefix"])

	r = owner.get(path)
	require.NotContains(t, string(r.body), token, "a secret is shown once")
	require.Contains(t, string(r.body), first)

	use := b.browser().with("X-Api-Key", token)
	require.Equal(t, 200, use.get("/api/widget/health").StatusCode)
	require.Equal(t, 204, owner.do(t.Context(), "DELETE", path+"/"+secret["id"].(string), nil).StatusCode)
	use.get("/api/widget/health").problem(t, 401, "api_key_invalid")
	owner.do(t.Context(), "DELETE", path+"/"+secret["id"].(string), nil).problem(t, 404, "not_found")
	require.Equal(t, 200, b.browser().with("X-Api-Key", first).get("/api/widget/health").StatusCode, "the other key still works")

	owner.post(path, object{"kind": "master"}).problem(t, 400, "key_kind_invalid")
	for range 18 {
		require.Equal(t, 201, owner.post(path, object{"kind": "publishable"}).StatusCode)
	}
	owner.post(path, object{"kind": "publishable"}).problem(t, 409, "keys_limit")
	require.Contains(t, b.memory.actions(), "key.revoke")
}

// TestKeysEnd at the time that was asked for: they were kept for ever.
func TestKeysEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	path := "/api/dashboard/clients/" + string(client) + "/keys"
	now := time.Now()
	for _, at := range []string{"", "tomorrow", "2030-01-31", now.Add(-time.Second).Format(time.RFC3339), now.AddDate(11, 0, 0).Format(time.RFC3339)} {
		owner.post(path, object{"kind": "secret", "expiresAt": at}).problem(t, 400, "expires_at_invalid")
	}
	ends := now.Add(2 * time.Second).UTC().Truncate(time.Millisecond)
	r := owner.post(path, object{"kind": "publishable", "expiresAt": ends.Format(time.RFC3339Nano)})
	require.Equal(t, 201, r.StatusCode, "%s", r.body)
	shown, err := time.Parse(time.RFC3339, r.json(t)["expiresAt"].(string))
	require.NoError(t, err)
	require.Equal(t, ends, shown.UTC())
	require.Contains(t, string(owner.get(path).body), "expiresAt", "and shown")

	user := b.browser().with("X-Api-Key", r.json(t)["token"].(string))
	if status := user.get("/api/widget/health").StatusCode; time.Now().Before(ends) {
		require.Equal(t, 200, status)
	}
	require.Eventually(t, func() bool { return !time.Now().Before(ends) }, time.Minute, time.Millisecond)
	user.get("/api/widget/health").problem(t, 401, "api_key_invalid")
}

func TestWidget(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, key := b.tenant("a@example.com")
	path := "/api/dashboard/widget/" + string(client)
	widget := owner.get(path).json(t)
	require.Equal(t, []any{}, widget["allowedDomains"])

	visitor := b.browser().with("X-Api-Key", key)
	r := visitor.get("/api/widget/config")
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	tag := r.Header.Get("ETag")
	require.NotEmpty(t, tag)
	require.Equal(t, 304, visitor.with("If-None-Match", `"x", W/`+tag).get("/api/widget/config").StatusCode)

	r = owner.do(t.Context(), "PUT", path, object{"title": "Ask", "primaryColor": "#ABCDEF", "allowedDomains": []string{"Example.com", "https://BÜCHER.example/", "example.com"}})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, []any{"example.com", "xn--bcher-kva.example"}, r.json(t)["allowedDomains"])
	require.Equal(t, "#abcdef", r.json(t)["primaryColor"])
	require.Equal(t, "Type your question", r.json(t)["placeholder"], "what is left out takes its default")

	visitor = visitor.with("Origin", "https://example.com")
	r = visitor.with("If-None-Match", tag).get("/api/widget/config")
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, "Ask", r.json(t)["title"])
	require.NotContains(t, r.json(t), "allowedDomains")

	for name, bad := range map[string]object{
		"colour":      {"primaryColor": "red"},
		"position":    {"position": "top"},
		"scheme":      {"colorScheme": "neon"},
		"locale":      {"locale": "not a tag"},
		"title":       {"title": ""},
		"long title":  {"title": strings.Repeat("x", 61)},
		"greeting":    {"greeting": strings.Repeat("x", 501)},
		"questions":   {"suggestedQuestions": []string{"1", "2", "3", "4", "5", "6", "7"}},
		"question":    {"suggestedQuestions": []string{""}},
		"domains":     {"allowedDomains": make51()},
		"type":        {"title": 5},
		"domain":      {"allowedDomains": []string{"*"}},
		"public":      {"allowedDomains": []string{"*.co.uk"}},
		"path in one": {"allowedDomains": []string{"example.com/shop"}},
	} {
		r := owner.do(t.Context(), "PUT", path, bad)
		require.Equal(t, 400, r.StatusCode, "%s: %s", name, r.body)
	}
}

func make51() []string {
	domains := make([]string, 51)
	for i := range domains {
		domains[i] = strings.Repeat("a", i+1) + ".example"
	}
	return domains
}

func TestDocumentList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	path := "/api/dashboard/documents?clientId=" + string(client)
	require.JSONEq(t, `{"documents":[],"nextCursor":null}`, string(owner.get(path).body))
	for _, n := range []string{"1", "2", "3"} {
		documentStore{memory: b.memory}.set(chatconnect.Document{
			ID: chatconnect.DocumentID("0199aaaa-0000-7000-8000-00000000000" + n), ClientID: client, Name: n + ".pdf", Size: 1, Type: "pdf", Status: "ready", Version: 1, Progress: 100,
		})
	}
	var names []string
	cursor := ""
	for range 10 {
		page := owner.get(path + "&limit=2&cursor=" + url.QueryEscape(cursor)).json(t)
		for _, d := range page["documents"].([]any) {
			names = append(names, d.(object)["name"].(string))
		}
		next, more := page["nextCursor"].(string)
		if !more {
			break
		}
		cursor = next
	}
	require.Equal(t, []string{"3.pdf", "2.pdf", "1.pdf"}, names)
	owner.get("/api/dashboard/documents").problem(t, 400, "client_id_missing")
	owner.get(path+"&limit=0").problem(t, 400, "limit_invalid")
	owner.get(path+"&limit=201").problem(t, 400, "limit_invalid")
	owner.get(path+"&cursor=nonsense").problem(t, 400, "cursor_invalid")
	owner.get("/api/dashboard/documents/0199aaaa-0000-7000-8000-0000000000ff").problem(t, 404, "not_found")
	require.Equal(t, 200, owner.get("/api/dashboard/documents/0199aaaa-0000-7000-8000-000000000002").StatusCode)
}
