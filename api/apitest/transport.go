// Package apitest checks real requests and responses against api/openapi.yaml:
// wrap it around the http.Client of an end-to-end test, and every call becomes
// a test of the description too.
//
// It imports api and kin-openapi, and only tests import it.
package apitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/chatconnect/chatconnect/api"
)

// Transport is an http.RoundTripper that validates each exchange:
//
//   - a response has a status that the operation describes, and the body and
//     headers described for it;
//   - a request that the description forbids is not answered with success;
//   - a path the description lacks is a page of the dashboard or an error.
//
// Bodies of event streams, WebSockets and multipart requests are left alone.
type Transport struct {
	base   http.RoundTripper
	report func(error)
	router routers.Router
}

// New returns a Transport over base (nil means http.DefaultTransport) that
// hands every violation to report, such as func(err error) { t.Error(err) }.
func New(base http.RoundTripper, report func(error)) (*Transport, error) {
	if base == nil {
		base = http.DefaultTransport
	}
	router, err := described()
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return &Transport{base: base, report: report, router: router}, nil
}

// described parses openapi.yaml, once: tests make many Transports.
var described = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	doc.Servers = nil // match paths on whatever host the test uses
	return gorillamux.NewRouter(doc)
})

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(r.Context())
	body, readable, err := copyRequestBody(sent)
	if err != nil {
		return nil, err
	}
	response, err := t.base.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	if err := t.check(r, body, readable, response); err != nil {
		t.report(fmt.Errorf("%s %s -> %d: %w", r.Method, r.URL.Path, response.StatusCode, err))
	}
	return response, nil
}

// copyRequestBody reads a body that validation wants to see too.
func copyRequestBody(r *http.Request) (body []byte, readable bool, err error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, true, nil
	}
	if mediaType(r.Header) == "multipart/form-data" {
		return nil, false, nil
	}
	body, err = io.ReadAll(r.Body)
	closeErr := r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return body, true, errors.Join(err, closeErr)
}

func (t *Transport) check(original *http.Request, body []byte, readable bool, response *http.Response) error {
	r := original.Clone(context.WithoutCancel(original.Context()))
	// The API takes a byte order mark; the validator would not.
	r.Body = io.NopCloser(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	r.GetBody = nil
	if r.Method == http.MethodHead {
		r.Method = http.MethodGet // described by it
	}
	route, params, err := t.router.FindRoute(r)
	if err != nil {
		page := response.StatusCode < 400 && !strings.Contains(response.Header.Get("Content-Type"), "json")
		if page || response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusMethodNotAllowed {
			return nil
		}
		return fmt.Errorf("not described: %w", err)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
			ExcludeRequestBody: !readable, SkipSettingDefaults: true, MultiError: true,
		},
	}
	var violations []error
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil && response.StatusCode < 400 {
		violations = append(violations, fmt.Errorf("accepted a request that is described as invalid: %w", err))
	}
	if err := t.checkResponse(input, response); err != nil {
		violations = append(violations, err)
	}
	return errors.Join(violations...)
}

func (t *Transport) checkResponse(input *openapi3filter.RequestValidationInput, response *http.Response) error {
	options := &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true}
	var body []byte
	switch kind := mediaType(response.Header); {
	case response.StatusCode == http.StatusSwitchingProtocols, kind == "text/event-stream",
		kind == "application/yaml", kind == "text/javascript", response.Request.Method == http.MethodHead:
		options.ExcludeResponseBody = true
	default:
		var err error
		if body, err = io.ReadAll(response.Body); err != nil {
			return fmt.Errorf("read response: %w", err)
		}
		if err := response.Body.Close(); err != nil {
			return fmt.Errorf("read response: %w", err)
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
	}
	if response.StatusCode >= 400 {
		described := input.Route.Operation.Responses.Status(response.StatusCode)
		if described != nil && described.Value != nil && described.Value.Content.Get(mediaType(response.Header)) == nil {
			return fmt.Errorf("an error of media type %q", mediaType(response.Header))
		}
	}
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: options,
	}
	output.SetBodyBytes(body)
	return openapi3filter.ValidateResponse(input.Request.Context(), output)
}

func mediaType(h http.Header) string {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}
