package temporal

import (
	"errors"

	sdktemporal "go.temporal.io/sdk/temporal"

	chatconnect "github.com/chatconnect/chatconnect"
)

// Codes by which workflows decide; they never reach a person.
const (
	CodeSuperseded    = "superseded"     // the version is no longer wanted
	CodePointsMissing = "points_missing" // the index must be filled again
)

// CodeTimeout is the code of work that Temporal gave up waiting for.
const CodeTimeout = "timeout"

// errorDetail is what an ApplicationError carries so that the domain error
// comes out of a workflow as it went in.
type errorDetail struct {
	Kind    chatconnect.Kind `json:"kind"`
	Message string           `json:"message"`
}

// EncodeError turns a domain error into the form activities return: Temporal
// retries what may pass (after RetryAfter, where the provider named it) and
// nothing else.
func EncodeError(err error) error { return EncodeErrorAs(err, "") }

// EncodeErrorAs is EncodeError with what the visitor is told instead of the
// error's own message, which stays what operators read.
func EncodeErrorAs(err error, message string) error {
	if err == nil || sdktemporal.IsCanceledError(err) {
		return err
	}
	var already *sdktemporal.ApplicationError
	if errors.As(err, &already) {
		return err
	}
	e := chatconnect.AsError(err)
	if message == "" {
		message = e.Message
	}
	options := sdktemporal.ApplicationErrorOptions{
		Cause:   e.Err,
		Details: []any{errorDetail{Kind: e.Kind, Message: message}},
	}
	switch e.Kind {
	case chatconnect.KindRateLimited, chatconnect.KindUnavailable:
		options.NextRetryDelay = e.RetryAfter
	case chatconnect.KindInternal:
		// One with a code of its own is understood (a wrong API key, say), and
		// trying again won't mend it; an unknown one may pass.
		options.NonRetryable = e.Code != chatconnect.CodeInternal
	default:
		options.NonRetryable = true
	}
	return sdktemporal.NewApplicationErrorWithOptions(e.Message, e.Code, options)
}

// DecodeError finds the domain error in what a workflow or an activity call
// returned. Time-outs and the like become an unavailable one.
func DecodeError(err error) *chatconnect.Error {
	var app *sdktemporal.ApplicationError
	if errors.As(err, &app) {
		var detail errorDetail
		if app.HasDetails() && app.Details(&detail) == nil && detail.Kind != "" {
			return &chatconnect.Error{Kind: detail.Kind, Code: app.Type(), Message: detail.Message, RetryAfter: app.NextRetryDelay(), Err: err}
		}
		return chatconnect.AsError(err)
	}
	var timeout *sdktemporal.TimeoutError
	if errors.As(err, &timeout) {
		return chatconnect.Errorf(chatconnect.KindUnavailable, CodeTimeout, "This took too long. Please try again.").Because(err)
	}
	return chatconnect.AsError(err)
}
