package postgres_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestCreateClientBringsWidgetKeyAndMembership(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	const token = "pk_live_0123456789abcdef"
	created, err := b.store.CreateClient(ctx, chatconnect.Client{Name: "Shop", PublishableKey: token}, b.owner.ID)
	require.NoError(t, err)
	require.Equal(t, "Shop", created.Name)
	require.Equal(t, chatconnect.TierFree, created.Tier)
	require.Equal(t, chatconnect.RoleOwner, created.Role)

	read, err := b.store.Client(ctx, created.ID)
	require.NoError(t, err)
	require.Equal(t, token, read.PublishableKey)
	read.Role = created.Role
	require.Equal(t, created, read)

	widget, err := b.store.Widget(ctx, created.ID)
	require.NoError(t, err)
	require.Equal(t, chatconnect.DefaultWidgetConfig(), widget)

	keys, err := b.store.Keys(ctx, created.ID)
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.Equal(t, token, keys[0].Token)
	require.Equal(t, "pk_live_0123", keys[0].Prefix)

	owner, err := b.store.KeyOwner(ctx, hashOf(token))
	require.NoError(t, err)
	require.Equal(t, chatconnect.KeyOwner{
		KeyID: keys[0].ID, Kind: chatconnect.KeyPublishable, ClientID: created.ID, AccountID: b.owner.ID, Tier: chatconnect.TierFree,
		AllowedDomains: []string{},
	}, owner)
}

func TestCreateClientIsAllOrNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	taken, err := b.store.Client(t.Context(), b.client)
	require.NoError(t, err)
	_, err = b.store.CreateClient(t.Context(), chatconnect.Client{Name: "Copy", PublishableKey: taken.PublishableKey}, b.owner.ID)
	requireKind(t, chatconnect.KindConflict, "already_exists", err)
	_, err = b.store.CreateClient(t.Context(), chatconnect.Client{Name: "Copy", PublishableKey: "pk_live_x"}, unknownID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, err = b.store.CreateClient(t.Context(), chatconnect.Client{Name: "", PublishableKey: "pk_live_x"}, b.owner.ID)
	requireKind(t, chatconnect.KindInvalid, "invalid_value", err)
	_, err = b.store.CreateClient(t.Context(), chatconnect.Client{Name: "No key"}, b.owner.ID)
	requireKind(t, chatconnect.KindInvalid, "invalid_value", err)
	require.Equal(t, 1, query[int](b, `SELECT count(*) FROM clients`))
}

func TestUpdateClientChangesOnlyWhatIsGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	name, paid, odd := "New name", chatconnect.TierPaid, chatconnect.Tier("gold")
	updated, err := b.store.UpdateClient(t.Context(), b.client, chatconnect.ClientPatch{Name: &name})
	require.NoError(t, err)
	require.Equal(t, name, updated.Name)
	require.Equal(t, chatconnect.TierFree, updated.Tier)
	require.NotEmpty(t, updated.PublishableKey)
	updated, err = b.store.SetPlan(t.Context(), b.client, chatconnect.PlanChange{Tier: &paid}, "test")
	require.NoError(t, err)
	require.Equal(t, name, updated.Name)
	require.Equal(t, paid, updated.Tier)

	_, err = b.store.SetPlan(t.Context(), b.client, chatconnect.PlanChange{Tier: &odd}, "test")
	requireKind(t, chatconnect.KindInvalid, "invalid_value", err)
	for _, id := range []chatconnect.ClientID{unknownID, "'; DROP TABLE clients; --"} {
		_, err = b.store.UpdateClient(t.Context(), id, chatconnect.ClientPatch{Name: &name})
		require.ErrorIs(t, err, chatconnect.ErrNotFound)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	const token = "sk_live_secret"
	secret, err := b.store.CreateKey(ctx, b.client, chatconnect.APIKey{
		Kind: chatconnect.KeySecret, Name: "Server", Prefix: "sk_live_secr", Token: token,
	}, hashOf(token))
	require.NoError(t, err)
	require.Equal(t, token, secret.Token, "shown once")
	require.Zero(t, query[int](b, `SELECT count(*) FROM api_keys WHERE token = $1`, token), "and not kept")

	owner, err := b.store.KeyOwner(ctx, hashOf(token))
	require.NoError(t, err)
	require.Equal(t, chatconnect.KeySecret, owner.Kind)
	require.Equal(t, b.client, owner.ClientID)

	keys, err := b.store.Keys(ctx, b.client)
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.Empty(t, keys[1].Token)
	require.NotNil(t, keys[1].LastUsedAt, "KeyOwner notes the use")
	_, err = b.store.KeyOwner(ctx, hashOf(token))
	require.NoError(t, err)
	again, err := b.store.Keys(ctx, b.client)
	require.NoError(t, err)
	require.Equal(t, keys, again, "but not every use")

	other := b.newClient(b.owner.ID)
	require.ErrorIs(t, b.store.RevokeKey(ctx, other.ID, secret.ID), chatconnect.ErrNotFound)
	require.NoError(t, b.store.RevokeKey(ctx, b.client, secret.ID))
	require.ErrorIs(t, b.store.RevokeKey(ctx, b.client, secret.ID), chatconnect.ErrNotFound)
	_, err = b.store.KeyOwner(ctx, hashOf(token))
	require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid)
	_, err = b.store.KeyOwner(ctx, hashOf("unknown"))
	require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid)
	_, err = b.store.KeyOwner(ctx, nil)
	require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid)
}

func TestPublishableKeyFollowsRotation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	first, err := b.store.Keys(ctx, b.client)
	require.NoError(t, err)
	current := func() string {
		client, err := b.store.Client(ctx, b.client)
		require.NoError(t, err)
		return client.PublishableKey
	}
	create := func(token string, expires time.Time) {
		key := chatconnect.APIKey{Kind: chatconnect.KeyPublishable, Prefix: token[:4], Token: token}
		if !expires.IsZero() {
			key.ExpiresAt = &expires
		}
		_, err := b.store.CreateKey(ctx, b.client, key, hashOf(token))
		require.NoError(t, err)
	}
	create("pk_live_expired", time.Now().Add(-time.Minute))
	create("pk_live_ending", time.Now().Add(time.Hour))
	require.Equal(t, first[0].Token, current(), "one without an end goes before")
	_, err = b.store.KeyOwner(ctx, hashOf("pk_live_expired"))
	require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid)
	owner, err := b.store.KeyOwner(ctx, hashOf("pk_live_ending"))
	require.NoError(t, err)
	require.NotNil(t, owner.ExpiresAt)

	create("pk_live_newest", time.Time{})
	require.Equal(t, "pk_live_newest", current())
	keys, err := b.store.Keys(ctx, b.client)
	require.NoError(t, err)
	for _, key := range keys {
		require.NoError(t, b.store.RevokeKey(ctx, b.client, key.ID))
	}
	require.Empty(t, current())
}

func TestWidget(t *testing.T) {
	t.Parallel()
	b := setup(t)
	widget := chatconnect.WidgetConfig{
		Title: "Hilfe", Greeting: "Grüß Gott\x00", Placeholder: "Frage", PrimaryColor: "#aabbcc",
		Position: "bottom-left", ColorScheme: "dark", Locale: "de-AT",
		LauncherText: "Hilfe", LauncherIcon: "none", AvatarURL: "https://cdn.example/a.png",
		SuggestedQuestions: []string{"Was kostet es?"}, AllowedDomains: []string{"example.com", "*.example.org"},
	}
	saved, err := b.store.SaveWidget(t.Context(), b.client, widget)
	require.NoError(t, err)
	widget.Greeting = "Grüß Gott"
	require.Equal(t, widget, saved)
	read, err := b.store.Widget(t.Context(), b.client)
	require.NoError(t, err)
	require.Equal(t, saved, read)

	client, err := b.store.Client(t.Context(), b.client)
	require.NoError(t, err)
	owner, err := b.store.KeyOwner(t.Context(), hashOf(client.PublishableKey))
	require.NoError(t, err)
	require.Equal(t, widget.AllowedDomains, owner.AllowedDomains)

	widget.PrimaryColor = "red"
	_, err = b.store.SaveWidget(t.Context(), b.client, widget)
	requireKind(t, chatconnect.KindInvalid, "invalid_value", err)
	_, err = b.store.Widget(t.Context(), unknownID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, err = b.store.SaveWidget(t.Context(), unknownID, chatconnect.DefaultWidgetConfig())
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}

func TestAudit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	event := chatconnect.AuditEvent{
		ClientID: b.client, UserID: b.owner.ID, Action: "document.upload", Target: "d1",
		Details: map[string]any{"name": "a\x00b", "size": 3},
	}
	require.NoError(t, b.store.Audit(t.Context(), event))
	event.UserID, event.Details = "", nil
	require.NoError(t, b.store.Audit(t.Context(), event))
	require.JSONEq(t, `[{"name": "ab", "size": 3}, {}]`,
		query[string](b, `SELECT jsonb_agg(details ORDER BY id)::text FROM audit_events WHERE client_id = $1`, string(b.client)))
	require.Equal(t, 1, query[int](b, `SELECT count(user_id) FROM audit_events`))
	event.ClientID = unknownID
	require.ErrorIs(t, b.store.Audit(t.Context(), event), chatconnect.ErrNotFound)
}
