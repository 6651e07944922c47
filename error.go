package chatconnect

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the class of an Error. Transports map it to a status, metrics to a
// label; nothing else may look inside an error's text.
type Kind string

const (
	KindInternal        Kind = "internal"         // our fault; details are logged, never sent
	KindInvalid         Kind = "invalid"          // the request can't be understood or accepted
	KindUnauthenticated Kind = "unauthenticated"  // no or wrong credentials
	KindForbidden       Kind = "forbidden"        // known, but not allowed
	KindNotFound        Kind = "not_found"        // does not exist, or belongs to someone else
	KindConflict        Kind = "conflict"         // contradicts the present state
	KindTooLarge        Kind = "too_large"        // body or file over its limit
	KindUnsupported     Kind = "unsupported_type" // media type or file type not accepted
	KindRateLimited     Kind = "rate_limited"     // try again after RetryAfter
	KindUnavailable     Kind = "unavailable"      // a dependency is down; try again
)

// Error is the one error type that crosses package borders with a meaning.
// Code is stable and machine-readable ("document_password_protected");
// Message is a sentence a person can act on and never carries internals;
// Err is the cause, for logs only.
type Error struct {
	Kind       Kind
	Code       string
	Message    string
	RetryAfter time.Duration // with KindRateLimited and KindUnavailable, 0 if unknown
	Err        error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return e.Code + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Is matches on Code, so that errors.Is(err, ErrNotFound) holds for every
// wrapped copy of it.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Because returns a copy of e with cause as its Err.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// Errorf returns an Error whose message is formatted for people.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeInternal is the code of errors that nothing is known about.
const CodeInternal = "internal"

// AsError finds the Error in err's chain, or wraps err as an internal one.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: KindInternal, Code: CodeInternal, Message: "Something went wrong on our side. Please try again.", Err: err}
}

// Errors that more than one package returns or checks for.
var (
	ErrNotFound        = Errorf(KindNotFound, "not_found", "There is nothing here, or it is not yours.")
	ErrUnauthenticated = Errorf(KindUnauthenticated, "unauthenticated", "Please log in.")
	ErrForbidden       = Errorf(KindForbidden, "forbidden", "Your role does not allow this.")
	ErrEmailTaken      = Errorf(KindConflict, "email_taken", "An account with this email address already exists.")
	ErrDuplicate       = Errorf(KindConflict, "document_duplicate", "The same file is there already.")
	ErrNotRetryable    = Errorf(KindConflict, "document_not_retryable", "Only a document that failed or was cancelled can be tried again.")
	ErrNotRunning      = Errorf(KindConflict, "document_not_running", "This document is not being processed.")
	ErrBusy            = Errorf(KindConflict, "document_busy", "This document is being processed. Wait for it, or cancel that first.")
	ErrDocumentsLimit  = Errorf(KindConflict, "documents_limit", "There are as many documents as this website may have. Delete some first; they count until they are gone.")
	ErrStorageLimit    = Errorf(KindConflict, "storage_limit", "The files of this website take all the space that they may. Delete some first; they count until they are gone.")
	ErrClientsLimit    = Errorf(KindConflict, "clients_limit", "You have as many websites as an account may. Delete one first, or ask the operator.")
	ErrKeysLimit       = Errorf(KindConflict, "keys_limit", "There are as many keys as this website may have. Revoke one first.")
	ErrBeingDeleted    = Errorf(KindConflict, "document_deleting", "This document is being deleted.")
	ErrAPIKeyInvalid   = Errorf(KindUnauthenticated, "api_key_invalid", "The API key is missing, wrong or revoked.")
)
