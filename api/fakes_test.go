package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// memory implements the domain's stores. Every failX makes X return it.
type memory struct {
	mu        sync.Mutex
	users     map[chatconnect.UserID]chatconnect.User
	hashes    map[chatconnect.UserID]string
	clients   map[chatconnect.ClientID]chatconnect.Client
	roles     map[chatconnect.ClientID]map[chatconnect.UserID]chatconnect.Role
	keys      map[[32]byte]chatconnect.KeyOwner
	keyList   map[chatconnect.ClientID][]chatconnect.APIKey
	widgets   map[chatconnect.ClientID]chatconnect.WidgetConfig
	documents map[chatconnect.ClientID][]chatconnect.Document // newest first
	blobs     map[string][]byte
	sessions  map[string]chatconnect.UserID
	tokens    map[string]chatconnect.AccountToken // by their hash
	watchers  map[string][]chan struct{}          // of sessions, by token
	audits    []chatconnect.AuditEvent
	purged    map[chatconnect.ClientID]map[chatconnect.UserID]chatconnect.Role // being deleted

	allowance chatconnect.Allowance
	budget    chatconnect.TokenBudget // of every client, with what AddUsage counts
	spent     []chatconnect.Completion
	failSpent error

	failPut, failReplace, failCreateDocument, failSessions, failKeyOwner error
	partialPut                                                           bool // Put fails after having written
	rowSurvives                                                          bool // CreateDocument fails after having written
	onClients                                                            func()
}

func newMemory() *memory {
	return &memory{
		users: map[chatconnect.UserID]chatconnect.User{}, hashes: map[chatconnect.UserID]string{},
		clients: map[chatconnect.ClientID]chatconnect.Client{}, keys: map[[32]byte]chatconnect.KeyOwner{},
		roles:   map[chatconnect.ClientID]map[chatconnect.UserID]chatconnect.Role{},
		keyList: map[chatconnect.ClientID][]chatconnect.APIKey{}, widgets: map[chatconnect.ClientID]chatconnect.WidgetConfig{},
		documents: map[chatconnect.ClientID][]chatconnect.Document{}, blobs: map[string][]byte{},
		sessions: map[string]chatconnect.UserID{}, allowance: chatconnect.Allowance{Keys: 20, Clients: 100}, tokens: map[string]chatconnect.AccountToken{},
	}
}

func (m *memory) Budget(_ context.Context, id chatconnect.ClientID) (chatconnect.TokenBudget, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	budget := m.budget
	if own := m.clients[id].TokenBudget; own != nil {
		budget.Limit = *own
	}
	return budget, m.failSpent
}

func (m *memory) AddUsage(_ context.Context, _ chatconnect.ClientID, _ time.Time, spent chatconnect.Completion) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent = append(m.spent, spent)
	m.budget.Used += int64(spent.Usage.InputTokens)
	return m.failSpent
}

func (m *memory) Quotas(_ context.Context, id chatconnect.ClientID) (chatconnect.Quotas, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit := int64(m.allowance.Keys)
	return chatconnect.Quotas{
		Documents: chatconnect.Quota{Used: int64(len(m.documents[id]))},
		Keys:      chatconnect.Quota{Used: int64(len(m.keyList[id])), Limit: &limit},
	}, nil
}

func (m *memory) SetPlan(_ context.Context, id chatconnect.ClientID, change chatconnect.PlanChange, by string) (chatconnect.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, found := m.clients[id]
	if !found {
		return c, chatconnect.ErrNotFound
	}
	if change.Tier != nil {
		c.Tier = *change.Tier
	}
	if ceiling := change.TokenCeiling; ceiling != nil {
		c.OwnCeiling, c.TokenCeiling = ceiling, ceiling
		if *ceiling == chatconnect.TierCeiling {
			c.OwnCeiling = nil
		}
		if *ceiling <= 0 {
			c.TokenCeiling = nil
		}
	}
	m.clients[id] = c
	m.audits = append(m.audits, chatconnect.AuditEvent{ClientID: id, Action: "client.plan", Details: map[string]any{"by": by}})
	return c, nil
}

func (m *memory) CreateUser(_ context.Context, user chatconnect.User, hash string) (chatconnect.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.users {
		if u.Email == user.Email {
			return user, chatconnect.ErrEmailTaken
		}
	}
	m.users[user.ID], m.hashes[user.ID] = user, hash
	return user, nil
}

func (m *memory) CreateUserWith(ctx context.Context, user chatconnect.User, hash string, terms chatconnect.AccountTerms) (chatconnect.User, error) {
	m.mu.Lock()
	token, found := m.tokens[string(terms.TokenHash)]
	first := len(m.users) == 0
	m.mu.Unlock()
	if terms.First && !first {
		return user, chatconnect.ErrRegistrationClosed
	}
	if terms.TokenHash != nil && (!found || token.Used || token.Email != user.Email || time.Now().After(token.ExpiresAt)) {
		return user, chatconnect.ErrNotFound
	}
	user, err := m.CreateUser(ctx, user, hash)
	if err == nil && terms.TokenHash != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		token.Used = true
		m.tokens[string(terms.TokenHash)] = token
	}
	return user, err
}

func (m *memory) HasUsers(context.Context) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.users) > 0, nil
}

func (m *memory) CreateAccountToken(_ context.Context, token chatconnect.AccountToken, hash []byte, most int) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.tokens {
		if other.Purpose == token.Purpose && other.Email == token.Email {
			most--
		}
	}
	if most == 0 && token.Purpose == chatconnect.PurposeVerification {
		return false, nil
	}
	m.tokens[string(hash)] = token
	return true, nil
}

func (m *memory) AccountToken(_ context.Context, purpose chatconnect.TokenPurpose, hash []byte) (chatconnect.AccountToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token, found := m.tokens[string(hash)]
	if !found || token.Purpose != purpose || time.Now().After(token.ExpiresAt) {
		return chatconnect.AccountToken{}, chatconnect.ErrNotFound
	}
	return token, nil
}

func (m *memory) UserByEmail(_ context.Context, email string) (chatconnect.User, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, u := range m.users {
		if u.Email == email {
			return u, m.hashes[id], nil
		}
	}
	return chatconnect.User{}, "", chatconnect.ErrNotFound
}

func (m *memory) User(_ context.Context, id chatconnect.UserID) (chatconnect.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u, found := m.users[id]; found {
		return u, nil
	}
	return chatconnect.User{}, chatconnect.ErrNotFound
}

func (m *memory) Clients(_ context.Context, id chatconnect.UserID) ([]chatconnect.Client, error) {
	m.mu.Lock()
	hook := m.onClients
	var clients []chatconnect.Client
	for client, members := range m.roles {
		if role, member := members[id]; member {
			c := m.clients[client]
			c.Role = role
			clients = append(clients, c)
		}
	}
	m.mu.Unlock()
	if hook != nil {
		hook()
	}
	return clients, nil
}

func (m *memory) Role(_ context.Context, client chatconnect.ClientID, user chatconnect.UserID) (chatconnect.Role, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if role, member := m.roles[client][user]; member {
		return role, nil
	}
	return "", chatconnect.ErrNotFound
}

func (m *memory) setRole(client chatconnect.ClientID, user chatconnect.UserID, role chatconnect.Role) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if role == "" {
		delete(m.roles[client], user)
		return
	}
	m.roles[client][user] = role
}

func (m *memory) CreateClient(_ context.Context, c chatconnect.Client, owner chatconnect.UserID) (chatconnect.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clients[c.ID] = c
	m.roles[c.ID] = map[chatconnect.UserID]chatconnect.Role{owner: chatconnect.RoleOwner}
	m.widgets[c.ID] = chatconnect.DefaultWidgetConfig()
	key := chatconnect.APIKey{ID: chatconnect.APIKeyID(uuid.NewString()), Kind: chatconnect.KeyPublishable, Name: "first", Prefix: c.PublishableKey[:12], Token: c.PublishableKey, CreatedAt: time.Now()}
	m.keyList[c.ID] = []chatconnect.APIKey{key}
	m.keys[sha256.Sum256([]byte(c.PublishableKey))] = chatconnect.KeyOwner{KeyID: key.ID, Kind: key.Kind, ClientID: c.ID}
	return c, nil
}

func (m *memory) Client(_ context.Context, id chatconnect.ClientID) (chatconnect.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, found := m.clients[id]; found {
		return c, nil
	}
	return chatconnect.Client{}, chatconnect.ErrNotFound
}

func (m *memory) UpdateClient(_ context.Context, id chatconnect.ClientID, patch chatconnect.ClientPatch) (chatconnect.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.clients[id]
	if patch.Name != nil {
		c.Name = *patch.Name
	}
	if patch.Model != nil {
		c.Model = *patch.Model
	}
	if patch.TokenBudget != nil {
		if c.TokenBudget = patch.TokenBudget; *c.TokenBudget == 0 {
			c.TokenBudget = nil
		}
	}
	if patch.RetentionDays != nil {
		if c.RetentionDays = patch.RetentionDays; *c.RetentionDays == 0 {
			c.RetentionDays = nil
		}
	}
	m.clients[id] = c
	return c, nil
}

func (m *memory) CreateKey(_ context.Context, id chatconnect.ClientID, key chatconnect.APIKey, hash []byte) (chatconnect.APIKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.keyList[id]) >= m.allowance.Keys {
		return key, chatconnect.ErrKeysLimit
	}
	m.keyList[id] = append(m.keyList[id], key)
	m.keys[[32]byte(hash)] = chatconnect.KeyOwner{KeyID: key.ID, Kind: key.Kind, ClientID: id, ExpiresAt: key.ExpiresAt}
	return key, nil
}

func (m *memory) Keys(_ context.Context, id chatconnect.ClientID) ([]chatconnect.APIKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.keyList[id]), nil
}

func (m *memory) RevokeKey(_ context.Context, id chatconnect.ClientID, key chatconnect.APIKeyID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for hash, owner := range m.keys {
		if owner.KeyID == key && owner.ClientID == id {
			delete(m.keys, hash)
			return nil
		}
	}
	return chatconnect.ErrNotFound
}

func (m *memory) KeyOwner(_ context.Context, hash []byte) (chatconnect.KeyOwner, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failKeyOwner != nil {
		return chatconnect.KeyOwner{}, m.failKeyOwner
	}
	owner, found := m.keys[[32]byte(hash)]
	if !found {
		return owner, chatconnect.ErrAPIKeyInvalid
	}
	owner.Tier = m.clients[owner.ClientID].Tier
	for user, role := range m.roles[owner.ClientID] {
		if role == chatconnect.RoleOwner {
			owner.AccountID = user
		}
	}
	owner.AllowedDomains = m.widgets[owner.ClientID].AllowedDomains
	return owner, nil
}

func (m *memory) Widget(_ context.Context, id chatconnect.ClientID) (chatconnect.WidgetConfig, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w, found := m.widgets[id]
	if !found {
		return w, chatconnect.ErrNotFound
	}
	return w, nil
}

func (m *memory) SaveWidget(_ context.Context, id chatconnect.ClientID, w chatconnect.WidgetConfig) (chatconnect.WidgetConfig, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.widgets[id] = w
	return w, nil
}

func (m *memory) BeginPurge(_ context.Context, id chatconnect.ClientID, user chatconnect.UserID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	role, member := m.roles[id][user]
	if !member {
		role, member = m.purged[id][user]
	}
	if !member {
		return chatconnect.ErrNotFound
	}
	if role != chatconnect.RoleOwner {
		return chatconnect.ErrForbidden
	}
	if m.purged == nil {
		m.purged = map[chatconnect.ClientID]map[chatconnect.UserID]chatconnect.Role{}
	}
	if members, exists := m.roles[id]; exists {
		m.purged[id] = members
		delete(m.roles, id)
	}
	for hash, owner := range m.keys {
		if owner.ClientID == id {
			delete(m.keys, hash)
		}
	}
	return nil
}

func (m *memory) Audit(_ context.Context, event chatconnect.AuditEvent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.audits = append(m.audits, event)
	return nil
}

func (m *memory) actions() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var actions []string
	for _, a := range m.audits {
		actions = append(actions, a.Action)
	}
	return actions
}

// documentStore is apart from memory because both have a Clients-like surface;
// the methods that the API does not call are left to panic.
type documentStore struct {
	chatconnect.DocumentStore
	*memory
}

func (m documentStore) CreateDocument(_ context.Context, id chatconnect.ClientID, d chatconnect.Document) (chatconnect.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.documents[id] {
		if m.failCreateDocument == nil && other.SHA256 == d.SHA256 && counts(other.Status) {
			return d, chatconnect.ErrDuplicate
		}
	}
	if m.failCreateDocument == nil || m.rowSurvives {
		m.documents[id] = append([]chatconnect.Document{d}, m.documents[id]...)
	}
	return d, m.failCreateDocument
}

func (m documentStore) Document(_ context.Context, client chatconnect.ClientID, id chatconnect.DocumentID) (chatconnect.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.documents[client] {
		if d.ID == id {
			return d, nil
		}
	}
	return chatconnect.Document{}, chatconnect.ErrNotFound
}

func (m documentStore) Documents(_ context.Context, client chatconnect.ClientID, f chatconnect.DocumentFilter) ([]chatconnect.Document, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, start := m.documents[client], 0
	if f.Cursor != "" {
		start = slices.IndexFunc(all, func(d chatconnect.Document) bool { return string(d.ID) == f.Cursor })
		if start < 0 {
			return nil, "", chatconnect.Errorf(chatconnect.KindInvalid, "cursor_invalid", "No such page.")
		}
	}
	end := min(len(all), start+f.Limit)
	next := ""
	if end < len(all) {
		next = string(all[end].ID)
	}
	return slices.Clone(all[start:end]), next, nil
}

func (m documentStore) DeleteDocument(_ context.Context, client chatconnect.ClientID, id chatconnect.DocumentID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.documents[client] = slices.DeleteFunc(m.documents[client], func(d chatconnect.Document) bool { return d.ID == id })
	return nil
}

func (m documentStore) DocumentByContent(_ context.Context, client chatconnect.ClientID, sha256 string) (chatconnect.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.documents[client] {
		if d.SHA256 == sha256 && sha256 != "" && counts(d.Status) {
			return d, nil
		}
	}
	return chatconnect.Document{}, chatconnect.ErrNotFound
}

// counts reports whether a document stands in the way of its duplicates.
func counts(status chatconnect.Status) bool {
	return status != chatconnect.StatusFailed && status != chatconnect.StatusCancelled && status != chatconnect.StatusDeleting
}

func (m documentStore) RetryDocument(ctx context.Context, client chatconnect.ClientID, id chatconnect.DocumentID) (chatconnect.Document, error) {
	d, err := m.Document(ctx, client, id)
	if err != nil {
		return d, err
	}
	if d.Status != chatconnect.StatusFailed && d.Status != chatconnect.StatusCancelled {
		return d, chatconnect.ErrNotRetryable
	}
	if _, err := m.DocumentByContent(ctx, client, d.SHA256); err == nil {
		return d, chatconnect.ErrDuplicate
	}
	d.Status, d.Progress, d.Error, d.UpdatedAt = chatconnect.StatusQueued, 0, nil, time.Now()
	m.set(d)
	return d, nil
}

func (m documentStore) FailedDocuments(_ context.Context, client chatconnect.ClientID, limit int) ([]chatconnect.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var failed []chatconnect.Document
	for _, d := range slices.Backward(m.documents[client]) {
		if d.Status == chatconnect.StatusFailed && len(failed) < limit {
			failed = append(failed, d)
		}
	}
	return failed, nil
}

func (m documentStore) ReserveVersion(ctx context.Context, client chatconnect.ClientID, id chatconnect.DocumentID) (int, error) {
	d, err := m.Document(ctx, client, id)
	switch {
	case err != nil:
		return 0, err
	case d.Status == chatconnect.StatusDeleting:
		return 0, chatconnect.ErrBeingDeleted
	case !d.Status.Final():
		return 0, chatconnect.ErrBusy
	}
	return d.Version + 1, nil
}

func (m documentStore) ReplaceDocument(ctx context.Context, client chatconnect.ClientID, r chatconnect.Revision, file chatconnect.File, workflow string) (chatconnect.Document, error) {
	d, err := m.Document(ctx, client, r.DocumentID)
	if err == nil {
		err = m.failReplace
	}
	if err != nil {
		return d, err
	}
	d.Version, d.Status, d.Replacement, d.WorkflowID, d.UpdatedAt = r.Version, chatconnect.StatusQueued, &file, workflow, time.Now()
	m.set(d)
	return d, nil
}

func (m documentStore) RollBack(ctx context.Context, client chatconnect.ClientID, r chatconnect.Revision, reason chatconnect.DocumentError) (chatconnect.Document, bool, error) {
	d, err := m.Document(ctx, client, r.DocumentID)
	if err != nil || d.Status.Final() || d.Version != r.Version {
		return d, false, err
	}
	d.Status, d.Error, d.Replacement, d.UpdatedAt = chatconnect.StatusReady, &reason, nil, time.Now()
	m.set(d)
	return d, true, nil
}

func (m documentStore) UpdateProgress(ctx context.Context, client chatconnect.ClientID, p chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	d, err := m.Document(ctx, client, p.DocumentID)
	if err != nil {
		return d, false, err
	}
	if d.Version != p.Version || d.Status == p.Status || d.Status == chatconnect.StatusDeleting ||
		d.Status.Final() && p.Status != chatconnect.StatusDeleting {
		return d, false, nil
	}
	d.Status, d.Stage, d.UpdatedAt = p.Status, p.Stage, time.Now()
	m.set(d)
	return d, true, nil
}

func (m documentStore) set(d chatconnect.Document) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, old := range m.documents[d.ClientID] {
		if old.ID == d.ID {
			m.documents[d.ClientID][i] = d
			return
		}
	}
	m.documents[d.ClientID] = append([]chatconnect.Document{d}, m.documents[d.ClientID]...)
}

type blobStore struct{ *memory }

func (m blobStore) Put(_ context.Context, key string, content io.Reader) (int64, error) {
	body, err := io.ReadAll(content)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failPut != nil && !m.partialPut {
		return 0, m.failPut
	}
	m.blobs[key] = body
	return int64(len(body)), m.failPut
}

func (m blobStore) Open(_ context.Context, key string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, found := m.blobs[key]
	if !found {
		return nil, chatconnect.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(body)), nil
}

func (m blobStore) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blobs, key)
	return nil
}

func (m blobStore) List(context.Context, string, int) ([]chatconnect.BlobInfo, string, error) {
	panic("the API lists no blobs")
}

func (m blobStore) CountPrefix(context.Context, string) (int, error) {
	return 0, errors.New("not used")
}

func (m blobStore) DeletePrefix(context.Context, string) error { return errors.New("not used") }

type sessionStore struct{ *memory }

func (m sessionStore) Create(_ context.Context, user chatconnect.UserID, _ time.Duration) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	token := uuid.NewString()
	m.sessions[token] = user
	return token, m.failSessions
}

func (m sessionStore) User(_ context.Context, token string) (chatconnect.UserID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failSessions != nil {
		return "", m.failSessions
	}
	if user, found := m.sessions[token]; found {
		return user, nil
	}
	return "", chatconnect.ErrUnauthenticated
}

func (m sessionStore) Delete(_ context.Context, token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, token)
	for _, watcher := range m.watchers[token] {
		select {
		case watcher <- struct{}{}:
		default:
		}
	}
	return m.failSessions
}

func (m sessionStore) Watch(_ context.Context, token string) (<-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	watcher := make(chan struct{}, 1)
	if m.watchers == nil {
		m.watchers = map[string][]chan struct{}{}
	}
	m.watchers[token] = append(m.watchers[token], watcher)
	return watcher, m.failSessions
}

// counter is a RateLimiter that never gives anything back.
type counter struct {
	mu    sync.Mutex
	used  map[string]int
	calls int
	err   error
}

func (l *counter) Allow(_ context.Context, limits ...chatconnect.RateLimit) (chatconnect.RateDecision, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return chatconnect.RateDecision{}, l.err
	}
	l.calls++
	if l.used == nil {
		l.used = map[string]int{}
	}
	for _, limit := range limits {
		if l.used[limit.Key] >= limit.PerMinute {
			return chatconnect.RateDecision{Limit: limit.PerMinute, ResetAfter: time.Minute, RetryAfter: 600 * time.Millisecond}, nil
		}
	}
	nearest := chatconnect.RateDecision{Allowed: true, Remaining: 1 << 30, ResetAfter: time.Second}
	for _, limit := range limits {
		l.used[limit.Key]++
		if remaining := limit.PerMinute - l.used[limit.Key]; remaining < nearest.Remaining {
			nearest.Limit, nearest.Remaining = limit.PerMinute, remaining
		}
	}
	return nearest, nil
}

func (l *counter) GiveBack(_ context.Context, limits ...chatconnect.RateLimit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, limit := range limits {
		l.used[limit.Key]--
	}
}

// places is a PlaceLimiter of one process.
type places struct {
	mu      sync.Mutex
	open    map[string]int
	renewed int
}

func (p *places) Take(_ context.Context, key string, most int) (chatconnect.Place, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[string]int{}
	}
	if p.open[key] >= most {
		return nil, false, nil
	}
	p.open[key]++
	return &place{places: p, key: key}, true, nil
}

func (p *places) taken() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, open := range p.open {
		n += open
	}
	return n
}

type place struct {
	places *places
	key    string
	back   sync.Once
}

func (p *place) Renew(context.Context) {
	p.places.mu.Lock()
	defer p.places.mu.Unlock()
	p.places.renewed++
}

func (p *place) GiveBack() {
	p.back.Do(func() {
		p.places.mu.Lock()
		defer p.places.mu.Unlock()
		p.places.open[p.key]--
	})
}

// stops are the signals sent.
type stops struct {
	chatconnect.StopSignals
	mu   sync.Mutex
	sent []chatconnect.MessageRef
	err  error
}

func (s *stops) Stop(_ context.Context, ref chatconnect.MessageRef) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, ref)
	return s.err
}

// conversations keeps feedback and tells the exchanges it was given.
type conversations struct {
	mu        sync.Mutex
	exchanges map[chatconnect.ClientID][]chatconnect.Exchange
	feedback  map[chatconnect.ClientID][]chatconnect.Feedback
	filter    chatconnect.ConversationFilter // of the last list or export
	from, to  time.Time                      // of the last usage
	fail      error
	claims    map[chatconnect.MessageRef]claimed // by client and session
	asked     int                                // for a claim
}

type claimed struct {
	request []byte
	at      time.Time
}

func (m *conversations) ClaimSession(_ context.Context, client chatconnect.ClientID, claim chatconnect.SessionClaim) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked++; m.fail != nil {
		return false, m.fail
	}
	session := chatconnect.MessageRef{ClientID: client, SessionID: claim.SessionID}
	if m.claims == nil {
		m.claims = map[chatconnect.MessageRef]claimed{}
	}
	first, exists := m.claims[session]
	if !exists {
		m.claims[session] = claimed{claim.Request, time.Now()}
		return true, nil
	}
	return bytes.Equal(first.request, claim.Request) && (claim.Request == nil || time.Since(first.at) < claim.Repeatable), nil
}

func (m *conversations) log(client chatconnect.ClientID, e chatconnect.Exchange) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.exchanges == nil {
		m.exchanges = map[chatconnect.ClientID][]chatconnect.Exchange{}
	}
	m.exchanges[client] = append(m.exchanges[client], e)
}

func (m *conversations) SaveFeedback(_ context.Context, client chatconnect.ClientID, f chatconnect.Feedback, asked bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	logged := slices.ContainsFunc(m.exchanges[client], func(e chatconnect.Exchange) bool {
		return e.SessionID == f.SessionID && e.MessageID == f.MessageID
	})
	if !asked && !logged {
		return chatconnect.ErrNotFound
	}
	if m.feedback == nil {
		m.feedback = map[chatconnect.ClientID][]chatconnect.Feedback{}
	}
	m.feedback[client] = append(m.feedback[client], f)
	return nil
}

func (m *conversations) Exchanges(_ context.Context, client chatconnect.ClientID, session chatconnect.SessionID, n int) ([]chatconnect.Exchange, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []chatconnect.Exchange
	for _, e := range m.exchanges[client] {
		if e.SessionID == session {
			found = append(found, e)
		}
	}
	return found[max(0, len(found)-n):], m.fail
}

func (m *conversations) Conversations(_ context.Context, client chatconnect.ClientID, f chatconnect.ConversationFilter) ([]chatconnect.Conversation, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.filter = f
	var found []chatconnect.Conversation
	for _, e := range m.exchanges[client] {
		found = append(found, chatconnect.Conversation{SessionID: e.SessionID, Question: e.Question, Status: e.Status, Messages: 1, LastMessageAt: e.AskedAt})
	}
	return found, "next", m.fail
}

func (m *conversations) EachExchange(_ context.Context, client chatconnect.ClientID, f chatconnect.ConversationFilter, most int, do func(chatconnect.Exchange) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.filter = f
	if m.fail != nil {
		return m.fail
	}
	for _, e := range m.exchanges[client][:min(most, len(m.exchanges[client]))] {
		if err := do(e); err != nil {
			return err
		}
	}
	return nil
}

func (m *conversations) Usage(_ context.Context, _ chatconnect.ClientID, from, to time.Time) ([]chatconnect.DayUsage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.from, m.to = from, to
	return []chatconnect.DayUsage{{Day: "2026-05-01", Model: "gpt-4o-mini", Questions: 3, Answered: 2, Stopped: 1, InputTokens: 60, OutputTokens: 20}}, m.fail
}

// relay is a chatconnect.Relay of one process.
type relay struct {
	mu        sync.Mutex
	changed   chan struct{}
	events    map[chatconnect.MessageRef][]chatconnect.RelayEvent
	down      error // Subscribe and Next fail with it
	slow      bool  // events are recorded, and don't arrive
	subscribe int   // how often
	open      int   // subscriptions not closed
}

func newRelay() *relay {
	return &relay{changed: make(chan struct{}), events: map[chatconnect.MessageRef][]chatconnect.RelayEvent{}}
}

func (r *relay) Publish(_ context.Context, ref chatconnect.MessageRef, events ...chatconnect.RelayEvent) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events[ref] = append(r.events[ref], events...)
	r.wake()
	return nil
}

func (r *relay) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *relay) setSlow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slow = true
}

func (r *relay) setDown(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = err
	r.wake()
}

func (r *relay) Events(_ context.Context, ref chatconnect.MessageRef, after int64) ([]chatconnect.RelayEvent, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down != nil {
		return nil, r.down
	}
	var events []chatconnect.RelayEvent
	for _, e := range r.events[ref] {
		if e.ID > after {
			events = append(events, e)
		}
	}
	return events, nil
}

func (r *relay) Subscribe(_ context.Context, ref chatconnect.MessageRef, after int64) (chatconnect.Subscription, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subscribe++
	if r.down != nil {
		return nil, r.down
	}
	r.open++
	return &subscription{relay: r, ref: ref, after: after}, nil
}

type subscription struct {
	relay *relay
	ref   chatconnect.MessageRef
	after int64
	ended bool
}

func (s *subscription) Next(ctx context.Context) (chatconnect.RelayEvent, error) {
	for {
		s.relay.mu.Lock()
		changed, down := s.relay.changed, s.relay.down
		var next *chatconnect.RelayEvent
		for _, e := range s.relay.events[s.ref] {
			if e.ID > s.after && !s.relay.slow {
				next = &e
				break
			}
		}
		s.relay.mu.Unlock()
		switch {
		case s.ended:
			return chatconnect.RelayEvent{}, io.EOF
		case down != nil:
			return chatconnect.RelayEvent{}, down
		case next != nil:
			s.after, s.ended = next.ID, next.Terminal()
			return *next, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return chatconnect.RelayEvent{}, ctx.Err()
		}
	}
}

func (s *subscription) Close() {
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	s.relay.open--
	s.relay.wake()
}

// feed is a chatconnect.ProgressFeed of one process.
type feed struct {
	mu     sync.Mutex
	open   map[chatconnect.ClientID][]chan chatconnect.Document
	opened chan chatconnect.ClientID // one for each subscription
	down   error
}

func newFeed() *feed {
	return &feed{open: map[chatconnect.ClientID][]chan chatconnect.Document{}, opened: make(chan chatconnect.ClientID, 1000)}
}

func (f *feed) PublishDocument(_ context.Context, d chatconnect.Document) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ch := range f.open[d.ClientID] {
		ch <- d
	}
	return f.down
}

func (f *feed) SubscribeDocuments(_ context.Context, id chatconnect.ClientID) (<-chan chatconnect.Document, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.opened <- id }()
	if f.down != nil {
		return nil, f.down
	}
	ch := make(chan chatconnect.Document, 1000)
	f.open[id] = append(f.open[id], ch)
	return ch, nil
}

// lose closes all channels, as a lost connection does.
func (f *feed) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, channels := range f.open {
		for _, ch := range channels {
			close(ch)
		}
		delete(f.open, id)
	}
}

// workflows is the part of a Temporal client that the API uses.
type workflows struct {
	client.Client
	mu      sync.Mutex
	started []startedWorkflow
	runs    map[string]*run
	onStart func(r *run, in temporal.ChatInput)
	down    error

	cancelled []string
}

func (w *workflows) CancelWorkflow(_ context.Context, id, _ string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down != nil {
		return w.down
	}
	if r, found := w.runs[id]; !found || r.hasEnded() {
		return serviceerror.NewNotFound("no such workflow, or it has ended")
	}
	w.cancelled = append(w.cancelled, id)
	return nil
}

type startedWorkflow struct {
	options client.StartWorkflowOptions
	name    string
	input   any
}

func newWorkflows() *workflows { return &workflows{runs: map[string]*run{}} }

func (w *workflows) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, name any, args ...any) (client.WorkflowRun, error) {
	w.mu.Lock()
	if w.down != nil {
		defer w.mu.Unlock()
		return nil, w.down
	}
	w.started = append(w.started, startedWorkflow{o, name.(string), args[0]})
	r, exists := w.runs[o.ID]
	if !exists {
		r = newRun(o.ID)
		w.runs[o.ID] = r
	}
	hook := w.onStart
	w.mu.Unlock()
	if in, chat := args[0].(temporal.ChatInput); chat && hook != nil && !exists {
		hook(r, in)
	}
	return r, nil
}

func (w *workflows) GetWorkflow(_ context.Context, id, _ string) client.WorkflowRun {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r, found := w.runs[id]; found {
		return r
	}
	r := newRun(id)
	r.fail(serviceerror.NewNotFound("no such workflow"))
	return r
}

func (w *workflows) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down != nil {
		return nil, w.down
	}
	r, found := w.runs[id]
	if !found {
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	status := enums.WORKFLOW_EXECUTION_STATUS_RUNNING
	if r.hasEnded() {
		status = enums.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: status},
	}, nil
}

func (w *workflows) starts() []startedWorkflow {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.started)
}

// run is a workflow that ends when the test says so.
type run struct {
	client.WorkflowRun
	id     string
	once   sync.Once
	ended  chan struct{}
	result temporal.ChatResult
	err    error
	asked  chan struct{} // closed at the first Get
	ask    sync.Once
}

func newRun(id string) *run {
	return &run{id: id, ended: make(chan struct{}), asked: make(chan struct{})}
}

func (r *run) finish(result temporal.ChatResult) {
	r.once.Do(func() { r.result = result; close(r.ended) })
}
func (r *run) fail(err error) { r.once.Do(func() { r.err = err; close(r.ended) }) }

func (r *run) hasEnded() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

func (r *run) GetID() string { return r.id }

func (r *run) Get(ctx context.Context, out any) error {
	r.ask.Do(func() { close(r.asked) })
	select {
	case <-r.ended:
		if r.err == nil && out != nil {
			*out.(*temporal.ChatResult) = r.result
		}
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
