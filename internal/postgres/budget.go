package postgres

import (
	"cmp"
	"context"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// Budget implements chatconnect.BudgetStore.
func (s *Store) Budget(ctx context.Context, client chatconnect.ClientID) (chatconnect.TokenBudget, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return chatconnect.TokenBudget{}, err
	}
	settings, err := queries.AnswerSettings(ctx, s.budgetParams(client))
	if err != nil {
		return chatconnect.TokenBudget{}, storeError(err)
	}
	return s.toBudget(settings), nil
}

func (s *Store) budgetParams(client chatconnect.ClientID) sqlcgen.AnswerSettingsParams {
	return sqlcgen.AnswerSettingsParams{
		ID: client, UnpaidModels: chatconnect.UnpaidModels(), FreeCeiling: s.allowance.FreeTokens,
		PaidCeiling: s.allowance.PaidTokens, AccountCeiling: s.allowance.AccountTokens,
	}
}

func (s *Store) toBudget(row sqlcgen.AnswerSettingsRow) chatconnect.TokenBudget {
	budget := chatconnect.TokenBudget{Limit: row.Ceiling, Ceiling: row.Ceiling, Used: row.UsedTokens, Warned: row.Warned}
	if own := row.MonthlyTokenBudget; own != nil && (budget.Limit == 0 || *own < budget.Limit) {
		budget.Limit = *own
	}
	if row.SharesAccount {
		budget.AccountCeiling, budget.AccountUsed = s.allowance.AccountTokens, row.AccountUsed
	}
	return budget
}

// budgetDetails are what the audit trail keeps of a warning.
func budgetDetails(b chatconnect.TokenBudget) map[string]any {
	details := map[string]any{"limit": b.Limit, "used": b.Used}
	if by := b.LimitedBy(); by == chatconnect.LimitedByAccount {
		details["limit"], details["used"], details["limitedBy"] = b.AccountCeiling, b.AccountUsed, by
	}
	return details
}

// ClientIDs crosses clients by a function that may (see KeyOwner).
func (s *Store) ClientIDs(ctx context.Context, after chatconnect.ClientID, limit int) ([]chatconnect.ClientID, error) {
	return s.clientIDs(ctx, `SELECT * FROM client_ids($1::uuid, $2)`, cmp.Or(string(after), beforeAll), limit)
}

// PurgedClients returns those of the given clients that were deleted, or are
// being so. It crosses clients as ClientIDs does.
func (s *Store) PurgedClients(ctx context.Context, clients []chatconnect.ClientID) ([]chatconnect.ClientID, error) {
	ids := make([]string, 0, len(clients))
	for _, id := range clients {
		if chatconnect.ValidUUID(string(id)) {
			ids = append(ids, string(id))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return s.clientIDs(ctx, `SELECT * FROM purged_clients($1::uuid[])`, ids)
}

// OwnerEmails implements chatconnect.OperatorStore.
func (s *Store) OwnerEmails(ctx context.Context, client chatconnect.ClientID) ([]string, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return nil, err
	}
	emails, err := queries.OwnerEmails(ctx, client)
	return emails, storeError(err)
}

// SetPlan implements chatconnect.OperatorStore.
func (s *Store) SetPlan(ctx context.Context, id chatconnect.ClientID, change chatconnect.PlanChange, by string) (chatconnect.Client, error) {
	params := sqlcgen.SetPlanParams{ID: id, Tier: (*string)(change.Tier), TokenCeiling: change.TokenCeiling}
	details := map[string]any{"by": by}
	if change.Tier != nil {
		details["tier"] = *change.Tier
	}
	if change.TokenCeiling != nil {
		if details["tokenCeiling"] = *change.TokenCeiling; *change.TokenCeiling == chatconnect.TierCeiling {
			details["tokenCeiling"] = "default"
		}
	}
	var row sqlcgen.ClientRow
	err := s.inTenant(ctx, id, func(q *sqlcgen.Queries) error {
		before, err := q.Client(ctx, id)
		if err != nil {
			return err
		}
		details["before"] = map[string]any{"tier": before.Client.Tier, "tokenCeiling": before.Client.TokenCeiling}
		changed, err := q.SetPlan(ctx, params)
		if err != nil {
			return err
		}
		if changed == 0 {
			return chatconnect.ErrNotFound
		}
		encoded, err := jsonObject(details)
		if err != nil {
			return err
		}
		err = q.CreateAuditEvent(ctx, sqlcgen.CreateAuditEventParams{ClientID: id, Action: "client.plan", Target: string(id), Details: encoded})
		if err != nil {
			return err
		}
		row, err = q.Client(ctx, id)
		return err
	})
	if err != nil {
		return chatconnect.Client{}, err
	}
	return s.toClient(row.Client, row.PublishableKey), nil
}
