package apitest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/api/apitest"
)

type answer func(*http.Request) *http.Response

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }

func reply(status int, contentType, body string) answer {
	return func(r *http.Request) *http.Response {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {contentType}},
			Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}
	}
}

// TestTransportFindsViolations: a checker that never complains checks nothing.
func TestTransportFindsViolations(t *testing.T) {
	t.Parallel()
	const problem = `{"type":"about:blank","title":"Bad Request","status":400,"detail":"No.","code":"body_invalid","requestId":"r"}`
	const user = `{"user":{"id":"0199aaaa-0000-7000-8000-000000000000","email":"a@b.c","name":"A"}}`
	const login = `{"email":"a@b.c","password":"12345678"}`
	for name, test := range map[string]struct {
		method, path, body string
		reply              answer
		violation          string // empty for none
	}{
		"good":                  {"POST", "/api/auth/login", login, reply(200, "application/json; charset=utf-8", user), ""},
		"good problem":          {"POST", "/api/auth/login", `{}`, reply(400, "application/problem+json", problem), ""},
		"bad request accepted":  {"POST", "/api/auth/login", `{"email":1}`, reply(200, "application/json", user), "described as invalid"},
		"member missing":        {"POST", "/api/auth/login", login, reply(200, "application/json", `{"user":{"id":"x"}}`), "email"},
		"member not described":  {"POST", "/api/auth/login", login, reply(200, "application/json", strings.Replace(user, `"name"`, `"hash":"x","name"`, 1)), "hash"},
		"status not described":  {"POST", "/api/auth/login", login, reply(418, "application/problem+json", problem), "status"},
		"problem as plain JSON": {"POST", "/api/auth/login", login, reply(400, "application/json", problem), "media type"},
		"problem without code":  {"POST", "/api/auth/login", login, reply(400, "application/problem+json", strings.Replace(problem, `"code":"body_invalid",`, "", 1)), "code"},
		"retry-after missing":   {"POST", "/api/auth/login", login, reply(429, "application/problem+json", strings.ReplaceAll(problem, "400", "429")), "Retry-After"},
		"a page":                {"GET", "/app.js", "", reply(200, "text/javascript", "x"), ""},
		"unknown JSON endpoint": {"GET", "/api/secret", "", reply(200, "application/json", "{}"), "not described"},
		"unknown path":          {"GET", "/api/secret", "", reply(404, "application/problem+json", problem), ""},
		"stream":                {"POST", "/chat/stream", `{"message":"x","sessionId":"s"}`, reply(200, "text/event-stream", "not json"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var violations []error
			transport, err := apitest.New(test.reply, func(err error) { violations = append(violations, err) })
			require.NoError(t, err)
			r, err := http.NewRequestWithContext(t.Context(), test.method, "http://127.0.0.1:1234"+test.path, strings.NewReader(test.body))
			require.NoError(t, err)
			if test.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			response, err := transport.RoundTrip(r)
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NotEmpty(t, body, "the caller still gets the body")
			require.NoError(t, response.Body.Close())
			if test.violation == "" {
				require.Empty(t, violations)
				return
			}
			require.Len(t, violations, 1)
			require.ErrorContains(t, violations[0], test.violation)
		})
	}
}
