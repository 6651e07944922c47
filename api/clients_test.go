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

func TestThePaidTiersModelIsNotForTheFree(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.Models, o.PaidModels = []string{"small"}, []string{"large"} })
	owner, client, _ := b.tenant("a@example.com")
	patch := func(model any) response {
		return owner.do(t.Context(), "PATCH", "/api/dashboard/clients/"+string(client), object{"model": model})
	}
	patch("large").problem(t, 400, "model_not_allowed")
	require.Equal(t, 200, patch("small").StatusCode)
	require.Equal(t, []any{"large"}, owner.get("/api/dashboard/clients").json(t)["paidModels"])
	paid := chatconnect.TierPaid
	_, err := b.memory.SetPlan(t.Context(), client, chatconnect.PlanChange{Tier: &paid}, "test")
	require.NoError(t, err)
	require.Equal(t, 200, patch("large").StatusCode)
	patch("other").problem(t, 400, "model_not_allowed")
}

// The tier decides what the operator pays for: nobody changes it by the
// dashboard, whatever their role and whatever else they send.
func TestOnlyTheOperatorChangesTheTier(t *testing.T) {
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

	for _, who := range []*browser{owner, admin} {
		for _, tier := range []any{"paid", "free", "gold", nil, 7} {
			patch(who, object{"tier": tier, "name": "Renamed"}).problem(t, 403, "tier_operator_only")
		}
	}
	patch(viewer, object{"tier": "paid"}).problem(t, 403, "forbidden")
	patch(stranger, object{"tier": "paid"}).problem(t, 404, "not_found")
	unchanged := owner.get(path).json(t)
	require.Equal(t, "free", unchanged["tier"])
	require.Equal(t, "Shop of a@example.com", unchanged["name"], "a refused request changes nothing")

	r := patch(admin, object{"name": "Renamed", "tokenBudget": 1000, "retentionDays": 7})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, "admin", r.json(t)["role"])
	require.Equal(t, []string{"client.create", "client.update"}, b.memory.actions())
}

func TestTheOperatorSetsThePlan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	owner, client, _ := b.tenant("a@example.com")
	path := "/internal/client/" + string(client)
	operator := b.browser().with("X-Internal-Secret", "internal secret")
	patch := func(who *browser, body object) response { return who.do(t.Context(), "PATCH", path, body) }
	for _, who := range []*browser{owner, b.browser(), b.browser().with("X-Internal-Secret", "guess")} {
		patch(who, object{"tier": "paid"}).problem(t, 401, "internal_secret_wrong")
	}
	for code, body := range map[string]object{
		"tier_invalid": {"tier": "gold"}, "plan_empty": {"name": "x"},
		"ceiling_invalid": {"token_ceiling": -1},
	} {
		patch(operator, body).problem(t, 400, code)
	}
	operator.do(t.Context(), "PATCH", "/internal/client/"+unknownClient, object{"tier": "paid"}).problem(t, 404, "not_found")

	r := patch(operator, object{"tier": "paid", "token_ceiling": 5000})
	require.Equal(t, 200, r.StatusCode, "%s", r.body)
	require.Equal(t, object{
		"client_id": string(client), "name": "Shop of a@example.com", "tier": "paid", "token_ceiling": 5000.0, "own_ceiling": true,
	}, r.json(t))
	shown := owner.get("/api/dashboard/clients/" + string(client)).json(t)
	require.Equal(t, "paid", shown["tier"])
	require.EqualValues(t, 5000, shown["tokenCeiling"])
	require.Equal(t, object{"used": 1.0, "limit": 20.0}, shown["quotas"].(object)["keys"])
	require.Equal(t, true, patch(operator, object{"token_ceiling": 0}).json(t)["own_ceiling"])
	require.Equal(t, false, patch(operator, object{"token_ceiling": nil}).json(t)["own_ceiling"])
	require.Contains(t, b.memory.actions(), "client.plan")
}

const unknownClient = "00000000-0000-4000-8000-000000000000"
