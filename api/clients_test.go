package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
)

func TestClientSettings(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.Models = []string{"meta-llama/Llama-3.1-8B:free"} })
	owner, client, _ := b.tenant("a@example.com")
	patch := func(body object) response {
		return owner.do(t.Context(), "PATCH", "/api/dashboard/clients/"+string(client), body)
	}
	fresh := owner.get("/api/dashboard/clients/" + string(client)).json(t)
	for _, setting := range []string{"retentionDays", "tokenBudget"} {
		require.Contains(t, fresh, setting)
		require.Nil(t, fresh[setting])
	}
	require.Empty(t, fresh["model"])

	r := patch(object{"retentionDays": 30, "tokenBudget": 5_000_000_000, "model": "meta-llama/Llama-3.1-8B:free"})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	r = patch(object{"name": "Shop"})
	require.EqualValues(t, 30, r.json(t)["retentionDays"], "what isn't named stays")
	require.EqualValues(t, 5_000_000_000, r.json(t)["tokenBudget"])
	require.Equal(t, "meta-llama/Llama-3.1-8B:free", r.json(t)["model"])
	r = patch(object{"retentionDays": nil, "tokenBudget": nil, "model": nil})
	require.Nil(t, r.json(t)["retentionDays"])
	require.Nil(t, r.json(t)["tokenBudget"])
	require.Empty(t, r.json(t)["model"])

	for _, days := range []any{0, -1, 3651, 1.5, "30", true, []int{}} {
		patch(object{"retentionDays": days}).problem(t, 400, "retention_invalid")
	}
	for _, budget := range []any{0, -5, 1e300, "x"} {
		patch(object{"tokenBudget": budget}).problem(t, 400, "budget_invalid")
	}
	for _, model := range []any{5, "two words", "-x", strings.Repeat("x", 201)} {
		patch(object{"model": model}).problem(t, 400, "model_invalid")
	}
}

func TestAClientChoosesAmongTheModelsThatAreAllowed(t *testing.T) {
	t.Parallel()
	for _, models := range [][]string{{"gpt-4o-mini", "claude-sonnet-4-5"}, {}, nil} {
		b := setup(t, func(o *api.Options) { o.Models = models })
		owner, client, _ := b.tenant("a@example.com")
		patch := func(model any) response {
			return owner.do(t.Context(), "PATCH", "/api/dashboard/clients/"+string(client), object{"model": model})
		}
		offered := owner.get("/api/dashboard/clients").json(t)["models"]
		require.NotNil(t, offered, "a list, if an empty one")
		require.Len(t, offered, len(models))
		patch("gpt-5-pro").problem(t, 400, "model_not_allowed")
		require.Equal(t, 200, patch(nil).StatusCode)
		for i, model := range models {
			require.Equal(t, model, offered.([]any)[i])
			require.Equal(t, model, patch(model).json(t)["model"])
		}
	}
}

// The tier decides what is paid for: admins change everything else.
func TestOnlyAnOwnerChangesTheTier(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	admin, adminID := b.register("b@example.com")
	viewer, viewerID := b.register("c@example.com")
	stranger, _ := b.register("d@example.com")
	b.memory.setRole(client, adminID, chatconnect.RoleAdmin)
	b.memory.setRole(client, viewerID, chatconnect.RoleViewer)
	path := "/api/dashboard/clients/" + string(client)
	patch := func(who *browser, body object) response { return who.do(t.Context(), "PATCH", path, body) }

	for _, tier := range []string{"paid", "free", "gold"} {
		patch(admin, object{"tier": tier, "name": "Renamed"}).problem(t, 403, "tier_owner_only")
	}
	patch(viewer, object{"tier": "paid"}).problem(t, 403, "forbidden")
	patch(stranger, object{"tier": "paid"}).problem(t, 404, "not_found")
	unchanged := owner.get(path).json(t)
	require.Equal(t, "free", unchanged["tier"])
	require.Equal(t, "Shop of a@example.com", unchanged["name"], "a refused request changes nothing")

	r := patch(admin, object{"name": "Renamed", "tokenBudget": 1000, "retentionDays": 7})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, "admin", r.json(t)["role"])
	require.Equal(t, "paid", patch(owner, object{"tier": "paid"}).json(t)["tier"])
	require.Equal(t, []string{"client.create", "client.update", "client.update"}, b.memory.actions())
}
