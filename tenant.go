package chatconnect

import "time"

// User is a person who logs in to the dashboard.
type User struct {
	ID        UserID    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"-"`
}

// Role is what a user may do in a client. Owners do everything, admins all
// but deleting the client and managing owners, viewers only read. The tier and
// its ceilings are the operator's to change.
type Role string

const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleViewer Role = "viewer"
)

// CanWrite reports whether the role may change things.
func (r Role) CanWrite() bool { return r == RoleOwner || r == RoleAdmin }

// Tier decides the model and the rate limit.
type Tier string

const (
	TierFree Tier = "free"
	TierPaid Tier = "paid"
)

// Client is a tenant: one website or workspace with its documents, widget,
// keys and conversations.
type Client struct {
	ID             ClientID  `json:"id"`
	Name           string    `json:"name"`
	Tier           Tier      `json:"tier"`
	PublishableKey string    `json:"publishableKey"` // pk_live_…; public by nature, so it is kept readable
	Role           Role      `json:"role,omitempty"` // the asking user's
	Model          string    `json:"model"`          // answers in place of the tier's; "" for that one
	TokenBudget    *int64    `json:"tokenBudget"`    // input and output tokens of a month (UTC); nil sets no limit
	TokenCeiling   *int64    `json:"tokenCeiling"`   // the operator's limit beside TokenBudget; nil sets none
	RetentionDays  *int      `json:"retentionDays"`  // conversations are deleted after so many; nil keeps them
	CreatedAt      time.Time `json:"createdAt"`
	UpdatedAt      time.Time `json:"updatedAt"`

	// OwnCeiling is set if the operator has set TokenCeiling for this client; nil
	// if it is that of the tier. 0 is the operator's word that there is none.
	OwnCeiling *int64 `json:"-"`
}

// ClientPatch changes the fields that are not nil.
type ClientPatch struct {
	Name          *string
	Model         *string
	TokenBudget   *int64 // 0 takes the limit away
	RetentionDays *int   // 0 keeps conversations for ever
}

// KeyKind tells publishable keys, which stand in web pages, from secret keys,
// which only servers hold.
type KeyKind string

const (
	KeyPublishable KeyKind = "publishable"
	KeySecret      KeyKind = "secret"
)

// APIKey describes a key without its secret. Token is set once, in the answer
// to its creation; stored is only SHA-256(token). A publishable key's token
// is kept readable too.
type APIKey struct {
	ID         APIKeyID   `json:"id"`
	Kind       KeyKind    `json:"kind"`
	Name       string     `json:"name"`
	Prefix     string     `json:"prefix"` // the first characters, to recognise a key by
	Token      string     `json:"token,omitempty"`
	CreatedAt  time.Time  `json:"createdAt"`
	ExpiresAt  *time.Time `json:"expiresAt,omitempty"` // it stops working then
	LastUsedAt *time.Time `json:"lastUsedAt,omitempty"`
}

// KeyOwner is what a valid key says about its bearer.
type KeyOwner struct {
	KeyID          APIKeyID
	Kind           KeyKind
	ClientID       ClientID
	AccountID      UserID // the client's first owner; "" if it has none
	Tier           Tier
	AllowedDomains []string // from the widget; empty means any origin
	ExpiresAt      *time.Time
}

// WidgetConfig is how a client's widget looks and where it may run.
type WidgetConfig struct {
	Title              string   `json:"title"`
	Greeting           string   `json:"greeting"`
	Placeholder        string   `json:"placeholder"`
	SuggestedQuestions []string `json:"suggestedQuestions"`
	PrimaryColor       string   `json:"primaryColor"` // #rrggbb
	Position           string   `json:"position"`     // "bottom-right" or "bottom-left"
	ColorScheme        string   `json:"colorScheme"`  // "light", "dark" or "auto"
	Locale             string   `json:"locale"`       // BCP 47 tag or "auto"
	LauncherText       string   `json:"launcherText"` // empty: the icon alone
	LauncherIcon       string   `json:"launcherIcon"` // "chat", "help" or "none", which needs a text
	AvatarURL          string   `json:"avatarUrl"`    // https, or empty
	AllowedDomains     []string `json:"allowedDomains"`
}

// DefaultWidgetConfig is what a new client starts with.
func DefaultWidgetConfig() WidgetConfig {
	return WidgetConfig{
		Title:              "Chat with us",
		Greeting:           "Hi! Ask me anything about our documents.",
		Placeholder:        "Type your question",
		SuggestedQuestions: []string{},
		PrimaryColor:       "#2457d6",
		Position:           "bottom-right",
		ColorScheme:        "auto",
		Locale:             "auto",
		LauncherIcon:       "chat",
		AllowedDomains:     []string{},
	}
}

// AuditEvent is one line of a client's audit trail.
type AuditEvent struct {
	ClientID ClientID
	UserID   UserID // empty for the system
	Action   string // "client.create", "document.upload", …
	Target   string
	Details  map[string]any
}
