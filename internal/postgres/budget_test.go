package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres"
)

// allowing is the bundle's database with an operator who allows so much.
func (b *bundle) allowing(allowance chatconnect.Allowance) *bundle {
	b.Helper()
	store, err := postgres.New(b.Context(), postgres.Options{
		URL: b.url, StatementTimeout: patience, LockTimeout: patience, ConnectTimeout: patience, Allowance: allowance,
	})
	require.NoError(b, err)
	b.Cleanup(store.Close)
	return &bundle{T: b.T, url: b.url, store: store, owner: b.owner, client: b.client}
}

func (b *bundle) spend(client chatconnect.ClientID, model string, tokens int) {
	b.Helper()
	require.NoError(b, b.store.AddUsage(b.Context(), client, time.Now(), chatconnect.Completion{
		Model: model, Usage: chatconnect.Usage{InputTokens: tokens},
	}))
}

func (b *bundle) budget(client chatconnect.ClientID) chatconnect.TokenBudget {
	b.Helper()
	budget, err := b.store.Budget(b.Context(), client)
	require.NoError(b, err)
	found, err := b.store.ChatContext(b.Context(), client, "s", 1)
	require.NoError(b, err)
	require.Equal(b, budget, found.Budget, "an answer is held to the same")
	return budget
}

func TestTheSmallerLimitCounts(t *testing.T) {
	t.Parallel()
	b := setup(t).allowing(chatconnect.Allowance{FreeTokens: 1000, PaidTokens: 9000})
	b.spend(b.client, "gpt-4o-mini", 600)
	b.spend(b.client, chatconnect.BuiltinModel, 1_000_000)
	b.spend(b.client, chatconnect.BuiltinEmbedder, 1_000_000)
	require.Equal(t, chatconnect.TokenBudget{Limit: 1000, Ceiling: 1000, Used: 600}, b.budget(b.client), "built-in models cost nothing")

	own := func(limit int64) {
		t.Helper()
		_, err := b.store.UpdateClient(t.Context(), b.client, chatconnect.ClientPatch{TokenBudget: &limit})
		require.NoError(t, err)
	}
	plan := func(change chatconnect.PlanChange) chatconnect.Client {
		t.Helper()
		client, err := b.store.SetPlan(t.Context(), b.client, change, "test")
		require.NoError(t, err)
		return client
	}
	number := func(n int64) *int64 { return &n }
	own(700)
	require.Equal(t, chatconnect.LimitedByBudget, b.budget(b.client).LimitedBy())
	require.EqualValues(t, 100, b.budget(b.client).Left())
	own(5000)
	require.Equal(t, chatconnect.LimitedByCeiling, b.budget(b.client).LimitedBy(), "an owner can't raise what the operator allows")
	require.EqualValues(t, 400, b.budget(b.client).Left())

	paid := chatconnect.TierPaid
	require.EqualValues(t, 9000, *plan(chatconnect.PlanChange{Tier: &paid}).TokenCeiling)
	require.EqualValues(t, 5000, b.budget(b.client).Limit)
	client := plan(chatconnect.PlanChange{TokenCeiling: number(600)})
	require.EqualValues(t, 600, *client.TokenCeiling)
	require.EqualValues(t, 600, *client.OwnCeiling)
	require.True(t, b.budget(b.client).Exhausted())
	require.Nil(t, plan(chatconnect.PlanChange{TokenCeiling: number(0)}).TokenCeiling, "none at all")
	require.Zero(t, b.budget(b.client).Ceiling)
	client = plan(chatconnect.PlanChange{TokenCeiling: number(chatconnect.TierCeiling)})
	require.EqualValues(t, 9000, *client.TokenCeiling)
	require.Nil(t, client.OwnCeiling)
	require.Equal(t, 4, query[int](b, `SELECT count(*) FROM audit_events WHERE action = 'client.plan' AND details->>'by' = 'test'`))
	require.Equal(t, "free", query[string](b, `SELECT details->'before'->>'tier' FROM audit_events WHERE action = 'client.plan' ORDER BY id LIMIT 1`))
	_, err := b.store.SetPlan(t.Context(), unknownID, chatconnect.PlanChange{Tier: &paid}, "test")
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}

// TestManyClientsShareTheAccountsCeiling also deletes one of them, which must
// bring no new allowance.
func TestManyClientsShareTheAccountsCeiling(t *testing.T) {
	t.Parallel()
	b := setup(t).allowing(chatconnect.Allowance{FreeTokens: 1000, AccountTokens: 1500})
	second, third := b.newClient(b.owner.ID).ID, b.newClient(b.owner.ID).ID
	stranger := b.newClient(b.newUser().ID).ID
	b.spend(b.client, "gpt-4o-mini", 800)
	b.spend(second, "gpt-4o-mini", 300)
	require.Equal(t, chatconnect.TokenBudget{Limit: 1000, Ceiling: 1000, AccountCeiling: 1500, AccountUsed: 1100}, b.budget(third))
	require.Zero(t, b.budget(stranger).AccountUsed)
	b.spend(second, "gpt-4o-mini", 400)
	for _, client := range []chatconnect.ClientID{b.client, second, third} {
		require.True(t, b.budget(client).Exhausted())
		require.Equal(t, chatconnect.LimitedByAccount, b.budget(client).LimitedBy())
	}
	require.False(t, b.budget(stranger).Exhausted())

	require.NoError(t, b.store.BeginPurge(t.Context(), second, b.owner.ID))
	require.EqualValues(t, 1500, b.budget(third).AccountUsed, "while it is being deleted")
	for range 2 {
		require.NoError(t, b.store.PurgeRows(t.Context(), second))
	}
	require.EqualValues(t, 1500, b.budget(third).AccountUsed, "and after, counted once")
	fourth := b.newClient(b.owner.ID).ID
	require.True(t, b.budget(fourth).Exhausted())

	// What the operator decides for a client is not shared with the others.
	paid, own := chatconnect.TierPaid, int64(5000)
	_, err := b.store.SetPlan(t.Context(), fourth, chatconnect.PlanChange{Tier: &paid}, "test")
	require.NoError(t, err)
	_, err = b.store.SetPlan(t.Context(), b.client, chatconnect.PlanChange{TokenCeiling: &own}, "test")
	require.NoError(t, err)
	require.False(t, b.budget(fourth).Exhausted())
	require.Equal(t, chatconnect.TokenBudget{Limit: 5000, Ceiling: 5000, Used: 800}, b.budget(b.client))
	require.EqualValues(t, 700, b.budget(third).AccountUsed)
	_, err = b.superuser().Exec(t.Context(), `UPDATE users SET purged_month = purged_month - interval '1 month'`)
	require.NoError(t, err)
	require.Zero(t, b.budget(third).AccountUsed, "until the month ends")
}

// TestQuotasHoldAgainstRaces has many try at once for few places.
func TestQuotasHoldAgainstRaces(t *testing.T) {
	t.Parallel()
	b := setup(t).allowing(chatconnect.Allowance{Documents: 3, Bytes: 1000, Clients: 4, Keys: 5})
	user := b.newUser().ID
	client := b.newClient(user).ID // with one key
	const tries = 12
	race := func(do func() error) (passed int, refused []error) {
		errs := make([]error, tries)
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() { errs[i] = do() })
		}
		group.Wait()
		for _, err := range errs {
			if err == nil {
				passed++
			} else {
				refused = append(refused, err)
			}
		}
		return passed, refused
	}
	upload := func(client chatconnect.ClientID, size int64) error {
		_, err := b.store.CreateDocument(t.Context(), client, chatconnect.Document{
			Name: "a.txt", Type: chatconnect.TypeTXT, Size: size, SHA256: sum(uuid.NewString()),
		})
		return err
	}
	for name, test := range map[string]struct {
		do     func() error
		passed int
		code   string
	}{
		"documents": {func() error { return upload(client, 1) }, 3, "documents_limit"},
		"bytes":     {func() error { return upload(b.client, 400) }, 2, "storage_limit"},
		"keys": {func() error {
			token := "sk_live_" + uuid.NewString()
			_, err := b.store.CreateKey(t.Context(), client, chatconnect.APIKey{Kind: chatconnect.KeySecret, Prefix: "sk", Token: token}, hashOf(token))
			return err
		}, 4, "keys_limit"},
		"clients": {func() error {
			_, err := b.store.CreateClient(t.Context(), chatconnect.Client{Name: "x", PublishableKey: "pk_live_" + uuid.NewString()}, user)
			return err
		}, 3, "clients_limit"},
	} {
		passed, refused := race(test.do)
		require.Equal(t, test.passed, passed, "%s: %v", name, refused)
		for _, err := range refused {
			requireKind(t, chatconnect.KindConflict, test.code, err)
		}
	}
	limit := func(n int64) *int64 { return &n }
	quotas, err := b.store.Quotas(t.Context(), client)
	require.NoError(t, err)
	require.Equal(t, chatconnect.Quotas{
		Documents: chatconnect.Quota{Used: 3, Limit: limit(3)}, Bytes: chatconnect.Quota{Used: 3, Limit: limit(1000)}, Keys: chatconnect.Quota{Used: 5, Limit: limit(5)},
	}, quotas)

	// A deleted client makes room; others have their own.
	require.NoError(t, b.store.BeginPurge(t.Context(), client, user))
	b.newClient(user)
	b.newClient(b.newUser().ID)
}

// TestAReplacementCountsBesideTheOldFile until it takes its place.
func TestAReplacementCountsBesideTheOldFile(t *testing.T) {
	t.Parallel()
	b := setup(t).allowing(chatconnect.Allowance{Bytes: 1000})
	document, err := b.store.CreateDocument(t.Context(), b.client, chatconnect.Document{Name: "a.txt", Type: chatconnect.TypeTXT, Size: 600, SHA256: sum("a")})
	require.NoError(t, err)
	require.NoError(t, b.store.ReplaceChunks(t.Context(), b.client, revision(document), chunks(1)))
	_, err = b.store.Activate(t.Context(), b.client, revision(document), chatconnect.IngestionCost{})
	require.NoError(t, err)
	replace := func(size int64) error {
		version, err := b.store.ReserveVersion(t.Context(), b.client, document.ID)
		require.NoError(t, err)
		_, err = b.store.ReplaceDocument(t.Context(), b.client, chatconnect.Revision{DocumentID: document.ID, Version: version},
			chatconnect.File{Name: "b.txt", Type: chatconnect.TypeTXT, Size: size, SHA256: sum("b"), BlobKey: "k"}, "w")
		return err
	}
	requireKind(t, chatconnect.KindConflict, "storage_limit", replace(401))
	unchanged, err := b.store.Document(t.Context(), b.client, document.ID)
	require.NoError(t, err)
	require.Equal(t, chatconnect.StatusReady, unchanged.Status, "a refused replacement changes nothing")
	require.NoError(t, replace(400))
	requireKind(t, chatconnect.KindConflict, "storage_limit", func() error {
		_, err := b.store.CreateDocument(t.Context(), b.client, chatconnect.Document{Name: "c.txt", Type: chatconnect.TypeTXT, Size: 1})
		return err
	}())
}

func TestWhatTheOperatorSees(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second := b.newClient(b.owner.ID).ID
	first, rest := b.client, second
	if rest < first {
		first, rest = rest, first
	}
	ids, err := b.store.ClientIDs(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []chatconnect.ClientID{first, rest}, ids)
	ids, err = b.store.ClientIDs(t.Context(), first, 10)
	require.NoError(t, err)
	require.Equal(t, []chatconnect.ClientID{rest}, ids)
	emails, err := b.store.OwnerEmails(t.Context(), second)
	require.NoError(t, err)
	require.Equal(t, []string{b.owner.Email}, emails)

	key, err := b.store.Client(t.Context(), b.client)
	require.NoError(t, err)
	owner, err := b.store.KeyOwner(t.Context(), hashOf(key.PublishableKey))
	require.NoError(t, err)
	require.Equal(t, b.owner.ID, owner.AccountID)

	purged, err := b.store.PurgedClients(t.Context(), []chatconnect.ClientID{first, rest, "", "no uuid"})
	require.NoError(t, err)
	require.Empty(t, purged)
	require.NoError(t, b.store.BeginPurge(t.Context(), rest, b.owner.ID))
	purged, err = b.store.PurgedClients(t.Context(), []chatconnect.ClientID{first, rest})
	require.NoError(t, err)
	require.Equal(t, []chatconnect.ClientID{rest}, purged)
	ids, err = b.store.ClientIDs(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []chatconnect.ClientID{first}, ids)
}
