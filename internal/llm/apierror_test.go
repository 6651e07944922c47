package llm

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{}, 0},
		{http.Header{"Retry-After": {"30"}}, 30 * time.Second},
		{http.Header{"Retry-After": {"0.25"}}, 250 * time.Millisecond},
		{http.Header{"Retry-After": {"Mon, 23 Nov 2026 12:00:10 GMT"}}, 10 * time.Second},
		{http.Header{"Retry-After": {"Mon, 23 Nov 2026 11:00:10 GMT"}}, 0},
		{http.Header{"Retry-After": {"-5"}}, 0},
		{http.Header{"Retry-After": {"soon"}}, 0},
		{http.Header{"Retry-After": {"99999999999999"}}, time.Hour},
		{http.Header{"Retry-After": {"Inf"}}, time.Hour},
		{http.Header{"Retry-After": {"NaN"}}, 0},
		{http.Header{"Retry-After": {"1"}, "Retry-After-Ms": {"120"}}, 120 * time.Millisecond},
	} {
		require.Equal(t, tt.want, retryAfter(tt.header, now), tt.header)
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		api  APIError
		kind chatconnect.Kind
		code string
	}{
		// In a stream the status is 200 and only type and code tell.
		{APIError{Status: 200, Type: "overloaded_error"}, chatconnect.KindUnavailable, CodeUnavailable},
		{APIError{Status: 200, Type: "api_error"}, chatconnect.KindUnavailable, CodeUnavailable},
		{APIError{Status: 200, Type: "server_error"}, chatconnect.KindUnavailable, CodeUnavailable},
		{APIError{Status: 200, Type: "rate_limit_error"}, chatconnect.KindRateLimited, CodeRateLimited},
		{APIError{Status: 200, Type: "tokens", Code: "rate_limit_exceeded"}, chatconnect.KindRateLimited, CodeRateLimited},
		{APIError{Status: 200, Type: "authentication_error"}, chatconnect.KindInternal, CodeCredentialsInvalid},
		{APIError{Status: 200, Type: "invalid_request_error", Message: "prompt is too long: 3 > 2"}, chatconnect.KindTooLarge, CodeContextTooLong},
		{APIError{Status: 200, Type: "invalid_request_error"}, chatconnect.KindInternal, CodeRejected},
		{APIError{Status: 200, Type: "something_new"}, chatconnect.KindUnavailable, CodeUnavailable},

		{APIError{Status: 429, Code: "insufficient_quota"}, chatconnect.KindRateLimited, CodeRateLimited},
		{APIError{Status: 400, Type: "invalid_request_error", Code: "context_length_exceeded"}, chatconnect.KindTooLarge, CodeContextTooLong},
		{APIError{Status: 400, Type: "invalid_request_error", Message: "Your credit balance is too low"}, chatconnect.KindInternal, CodeCredentialsInvalid},
		{APIError{Status: 401, Type: "invalid_request_error", Code: "invalid_api_key"}, chatconnect.KindInternal, CodeCredentialsInvalid},
		{APIError{Status: 404, Type: "invalid_request_error", Code: "model_not_found"}, chatconnect.KindInternal, CodeNotFound},
		{APIError{Status: 400, Type: "invalid_request_error", Code: "content_filter"}, chatconnect.KindInvalid, CodeRefused},
		{APIError{Status: 408}, chatconnect.KindUnavailable, CodeUnavailable},
		{APIError{Status: 418}, chatconnect.KindInternal, CodeRejected},
		{APIError{Status: 503}, chatconnect.KindUnavailable, CodeUnavailable},
	} {
		got := classify(&tt.api, 0)
		require.Equal(t, tt.kind, got.Kind, tt.api)
		require.Equal(t, tt.code, got.Code, tt.api)
		var api *APIError
		require.ErrorAs(t, got, &api, "the cause is there for the log")
	}
	require.Equal(t, time.Minute, classify(&APIError{Status: 429, Code: "insufficient_quota"}, 0).RetryAfter)
}

func TestParseErrorBody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][3]string{
		`{"error":{"type":"t","code":"c","message":"m"}}`:  {"t", "c", "m"},
		`{"error":{"type":"t","code":404,"message":"m"}}`:  {"t", "404", "m"},
		`{"error":{"type":"t","code":null,"message":"m"}}`: {"t", "null", "m"},
		`{"error":"text"}`:  {"", "", "text"},
		`{"message":"m"}`:   {"", "", "m"},
		`<html>bad gateway`: {"", "", "<html>bad gateway"},
		`{"error":null}`:    {"", "", ""},
		`["a list"]`:        {"", "", `["a list"]`},
	} {
		kind, code, message := parseErrorBody([]byte(body))
		require.Equal(t, want, [3]string{kind, code, message}, body)
	}
}
