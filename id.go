package chatconnect

import "regexp"

// Identifiers are distinct types so that a document's id can't be passed where
// a client's is expected: the compiler, not a reviewer, keeps tenants apart.
// All are lower-case UUID strings (RFC 9562) except SessionID and MessageID,
// which a widget chooses.
type (
	UserID     string
	ClientID   string // the tenant: one website or workspace
	DocumentID string
	APIKeyID   string
	SessionID  string // one visitor's conversation, ValidVisitorID
	MessageID  string // one question in a session, ValidVisitorID
)

var (
	uuidPattern    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	visitorPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$`)
)

// ValidUUID reports whether s is a UUID in canonical lower-case form.
func ValidUUID(s string) bool { return uuidPattern.MatchString(s) }

// ValidVisitorID reports whether s may be a SessionID or MessageID: 1 to 128
// URL-safe characters, so that it can stand in a workflow id, a Redis key and
// a query string without escaping.
func ValidVisitorID(s string) bool { return visitorPattern.MatchString(s) }
