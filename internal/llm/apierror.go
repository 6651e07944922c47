package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Codes of a failed model or embedding call. They are part of the API. Of
// these, only CodeRateLimited and CodeUnavailable may pass by waiting.
const (
	CodeRateLimited        = "model_rate_limited"
	CodeUnavailable        = "model_unavailable"
	CodeCredentialsInvalid = "model_credentials_invalid"
	CodeNotFound           = "model_not_found"
	CodeContextTooLong     = "model_context_too_long"
	CodeRefused            = "model_refused"
	CodeRejected           = "model_request_rejected"
)

// maxRetryAfter bounds what a provider may ask for: a typo there must not
// park a document for a week.
const maxRetryAfter = time.Hour

// APIError is what a provider said about a failed call. It is the cause
// inside a *chatconnect.Error: for logs, never for visitors.
type APIError struct {
	Status    int // HTTP status; 200 for an error inside a stream
	Type      string
	Code      string
	Message   string // at most 500 bytes, the key blanked out
	RequestID string
}

func (e *APIError) Error() string {
	return fmt.Sprintf("provider answered %d type=%q code=%q request=%q: %s", e.Status, e.Type, e.Code, e.RequestID, e.Message)
}

// errCut is the cause when a stream ends without its end marker.
var errCut = errors.New("the stream ended without its end marker")

func unavailable(cause error) *chatconnect.Error {
	e := chatconnect.Errorf(chatconnect.KindUnavailable, CodeUnavailable, "The AI service can't be reached right now. Please try again in a moment.")
	return e.Because(cause)
}

func rateLimited(after time.Duration, cause error) *chatconnect.Error {
	e := chatconnect.Errorf(chatconnect.KindRateLimited, CodeRateLimited, "The AI service is busy right now. Please try again in a moment.")
	e.RetryAfter = after
	return e.Because(cause)
}

func final(code string, cause error) *chatconnect.Error {
	kind, message := chatconnect.KindInternal, "The AI service did not accept the request. Please tell the owner of this site."
	switch code {
	case CodeCredentialsInvalid:
		message = "The AI service is not set up correctly. Please tell the owner of this site."
	case CodeNotFound:
		message = "The AI model that is set up does not exist. Please tell the owner of this site."
	case CodeContextTooLong:
		kind, message = chatconnect.KindTooLarge, "This is too long for the AI model. Please shorten it and try again."
	case CodeRefused:
		kind, message = chatconnect.KindInvalid, "The AI model declined to answer this. Please ask in another way."
	}
	return chatconnect.Errorf(kind, code, "%s", message).Because(cause)
}

// errorBody is the shape of an error of both providers, in a body or in a
// stream. OpenAI's code is a string, others send a number or null.
type errorBody struct {
	Type    string          `json:"type"`
	Code    json.RawMessage `json:"code"`
	Message string          `json:"message"`
}

// parseErrorBody accepts {"error": {…}}, {"error": "text"} and any other
// text.
func parseErrorBody(body []byte) (kind, code, message string) {
	var outer struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(body, &outer) != nil {
		return "", "", string(body)
	}
	var e errorBody
	if json.Unmarshal(outer.Error, &e) == nil {
		return e.Type, strings.Trim(string(e.Code), `"`), e.Message
	}
	var text string
	if json.Unmarshal(outer.Error, &text) == nil {
		return "", "", text
	}
	return "", "", outer.Message
}

// classify turns what a provider said into the domain's error. The type and
// code come first, since inside a stream the status is always 200.
//
// Sources: OpenAI, "Error codes"; Anthropic, "Errors" (529 is "overloaded").
func classify(api *APIError, retryAfter time.Duration) *chatconnect.Error {
	word := strings.ToLower(api.Type + " " + api.Code)
	text := strings.ToLower(api.Message)
	has := func(s string, parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(s, p) {
				return true
			}
		}
		return false
	}
	badRequest := api.Status == http.StatusBadRequest || api.Status == http.StatusUnprocessableEntity || has(word, "invalid_request")
	switch {
	case has(word, "insufficient_quota"):
		// A quota does not come back within seconds.
		return rateLimited(max(retryAfter, time.Minute), api)
	case api.Status == http.StatusTooManyRequests, has(word, "rate_limit"):
		return rateLimited(retryAfter, api)
	case api.Status >= 500, has(word, "overloaded", "server_error", "api_error", "timeout_error", "service_unavailable"):
		e := unavailable(api)
		e.RetryAfter = retryAfter
		return e
	case api.Status == http.StatusUnauthorized, api.Status == http.StatusForbidden, api.Status == http.StatusPaymentRequired,
		has(word, "authentication_error", "permission_error", "invalid_api_key", "billing_error"),
		badRequest && has(text, "credit balance"):
		return final(CodeCredentialsInvalid, api)
	case api.Status == http.StatusRequestEntityTooLarge, has(word, "context_length", "request_too_large"),
		badRequest && has(text, "maximum context length", "prompt is too long", "context window"):
		return final(CodeContextTooLong, api)
	case api.Status == http.StatusNotFound, has(word, "not_found", "model_not_found"):
		return final(CodeNotFound, api)
	case has(word, "content_filter", "content_policy"):
		return final(CodeRefused, api)
	case api.Status == http.StatusRequestTimeout, api.Status == http.StatusConflict, api.Status == http.StatusTooEarly:
		return unavailable(api)
	case badRequest, api.Status >= 400, api.Status >= 300:
		return final(CodeRejected, api)
	default: // an error of an unknown kind inside a stream
		return unavailable(api)
	}
}

// retryAfter reads Retry-After (seconds or a date, RFC 9110 §10.2.3) and
// OpenAI's more precise retry-after-ms. 0 means not given.
func retryAfter(header http.Header, now time.Time) time.Duration {
	var after time.Duration
	if ms, err := strconv.ParseFloat(header.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		after = durationOf(ms, time.Millisecond)
	} else if v := strings.TrimSpace(header.Get("Retry-After")); v != "" {
		if seconds, err := strconv.ParseFloat(v, 64); err == nil && seconds > 0 {
			after = durationOf(seconds, time.Second)
		} else if date, err := http.ParseTime(v); err == nil {
			after = date.Sub(now)
		}
	}
	return min(max(after, 0), maxRetryAfter)
}

func durationOf(n float64, unit time.Duration) time.Duration {
	if math.IsNaN(n) || n > float64(maxRetryAfter)/float64(unit) {
		return maxRetryAfter
	}
	return time.Duration(n * float64(unit))
}

// shorten cuts s to at most n bytes without breaking a rune.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
