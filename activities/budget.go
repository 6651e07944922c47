package activities

import (
	"context"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// checkBudget refuses a question whose client has no tokens left, and warns of
// that once a month before.
func (a *Chat) checkBudget(ctx context.Context, in *temporal.ChatInput, budget chatconnect.TokenBudget) error {
	if budget.Due() {
		first, err := a.Chats.WarnOfBudget(ctx, in.ClientID, budget)
		switch {
		case err != nil:
			a.Logger.WarnContext(ctx, "warning of the token budget not noted", "error", err)
		case first:
			a.Metrics.BudgetWarned(in.ClientID)
			a.Logger.WarnContext(ctx, "token budget nearly used up", "limit", budget.Limit, "used", budget.Used)
		}
	}
	if budget.Exhausted() {
		return errBudgetExhausted
	}
	return nil
}
